// The JSON shape of the configuration in effect.
import { z } from 'zod';
import { SCHEMA_VERSION } from './event.ts';

export const configurationKeySchema = z.object({
  key: z.string().describe('e.g. `kernel.ring_bytes`'),
  variable: z.string().describe('the environment variable that sets it'),
  description: z.string(),
  value: z.unknown().describe('`[set]` in place of a secret'),
  secret: z.boolean().describe('the value is never shown'),
  source: z.enum(['default', 'file', 'environment', 'flag']),
  place: z.string().nullable().describe('file and line, or the variable; null for defaults and flags'),
});

export const configurationSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  sha256: z.string().describe('hash of all values without the tokens, as in the evidence'),
  keys: z.array(configurationKeySchema),
});
export type ConfigurationJson = z.infer<typeof configurationSchema>;
