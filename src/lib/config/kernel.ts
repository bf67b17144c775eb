// The kernel programs and their ring.
import { z } from 'zod';
import { bytes, choice, GIB, integer, KIB, MIB, optional, path } from './values.ts';

export const kernel = z.strictObject({
  ring_bytes: bytes(4 * KIB, GIB, true)
    .default(8 * MIB)
    .describe('size of the ring buffer; a power of two'),
  argv_bytes: integer(64, 32 * KIB)
    .default(4096)
    .describe('how much of an argv is kept'),
  btf: optional(path).default(null).describe('BTF file for a kernel without its own'),
  hooks: choice('auto', 'tp_btf', 'raw_tp').default('auto').describe('kind of tracepoint'),
});
