// The process table.
import { z } from 'zod';
import { bytes, GIB, integer, MIB } from './values.ts';

export const model = z.strictObject({
  retention_seconds: integer(0, 86_400).default(300).describe('how long exited processes are kept'),
  max_exited: integer(0, 10_000_000).default(20_000).describe('how many exited processes are kept'),
  max_live: integer(100, 10_000_000).default(500_000).describe('how many live processes are kept'),
  max_places: integer(10, 1_000_000)
    .default(2000)
    .describe('how many pods are counted by themselves, and how many services; the rest together'),
  memory_bytes: bytes(MIB, 64 * GIB)
    .default(192 * MIB)
    .describe('budget of the process table'),
  heal_seconds: integer(1, 3600)
    .default(30)
    .describe("how often the table is compared with the kernel's list"),
});
