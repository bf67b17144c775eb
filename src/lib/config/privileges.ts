// What the agent may do, and what it gives up.
import { z } from 'zod';
import { choice, flag, list } from './values.ts';

export const privileges = z.strictObject({
  drop: flag
    .default(true)
    .describe('whether every capability is given up once the programs are loaded, in every thread'),
  keep: list(choice('SYS_PTRACE'))
    .default([])
    .describe('capabilities to keep: `SYS_PTRACE` shows executables of processes older than the agent'),
  confine: flag
    .default(true)
    .describe(
      'whether the agent then forbids itself what it never does: a filter of system calls, and Landlock for what it writes and starts',
    ),
});
