// The own pod of a sidecar.
import { z } from 'zod';
import { optional } from './values.ts';

export const pod = z.strictObject({
  uid: optional(z.string().regex(/^[0-9a-f-]{16,64}$/, 'must be the uid of a pod'))
    .default(null)
    .describe('in a sidecar: its pod, from `metadata.uid`; whatever it sees is of this pod'),
  name: optional(z.string().min(1).max(253)).default(null).describe("that pod's name, from `metadata.name`"),
  namespace: optional(z.string().min(1).max(63))
    .default(null)
    .describe("that pod's namespace, from `metadata.namespace`"),
});
