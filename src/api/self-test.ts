// The JSON shape of a self-test: what the agent told of a process that it started itself, because somebody asked for it.
import { z } from 'zod';
import { SCHEMA_VERSION } from './event.ts';

const told = z.boolean();

/** Where the agent says that the process ran. */
export const selfTestPlaceSchema = z.object({
  kind: z.enum(['pod', 'container', 'host', 'unknown']),
  namespace: z.string().nullable(),
  pod_name: z.string().nullable(),
  pod_uid: z.string().nullable(),
  container_name: z.string().nullable(),
  container_id: z.string().nullable(),
  unit: z.string().nullable().describe('systemd unit of a host service'),
  provenance: z.string().describe('where container and pod come from, or why there is none'),
});
export type SelfTestPlaceJson = z.infer<typeof selfTestPlaceSchema>;

export const selfTestSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  time: z.string().describe('when it had run: one that ran in the last second is answered again'),
  ok: z.boolean().describe('fork, exec and exit were told, in the place of the agent itself'),
  seen: z.object({ fork: told, exec: told, exit: told }).describe('the events that came'),
  delay_ms: z
    .number()
    .min(0)
    .nullable()
    .describe('from the exec to its event in the stream, by the clock since boot; null when none came'),
  place: selfTestPlaceSchema.nullable().describe('null when no event came'),
  own_place: z
    .boolean()
    .nullable()
    .describe('whether that is the place of the agent itself; null when nobody can know'),
  reason: z.string().describe('what was seen, or why not'),
});
export type SelfTestJson = z.infer<typeof selfTestSchema>;

export const lastSelfTestSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  last: selfTestSchema.nullable().describe('null: none has run since the start of the agent'),
});
export type LastSelfTestJson = z.infer<typeof lastSelfTestSchema>;
