// The JSON shape of the doctor's findings, over the API and of `cognitod doctor --json`.
import { z } from 'zod';
import { SCHEMA_VERSION } from './event.ts';

const count = z.int().min(0);

export const findingSchema = z.object({
  id: z.string().describe('stable; docs/doctor.md lists all'),
  title: z.string().describe('the question that it answers'),
  result: z
    .enum(['ok', 'warn', 'fail', 'skip'])
    .describe('`warn`: it works, with something lost or risky; `skip`: could not be tried'),
  reason: z.string().describe('what was seen, with figures'),
  fix: z.string().nullable().describe('what to do; null when there is nothing to be done'),
});
export type FindingJson = z.infer<typeof findingSchema>;

export const doctorSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  time: z.string().describe('when the checks had run: answers may be some seconds old'),
  ok: z.boolean().describe('nothing failed'),
  failed: count,
  checks: z.array(findingSchema),
});
export type DoctorJson = z.infer<typeof doctorSchema>;
