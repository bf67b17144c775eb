// Names of pods and containers.
import { z } from 'zod';
import { integer } from './values.ts';

export const metadata = z.strictObject({
  hold_ms: integer(0, 10_000)
    .default(500)
    .describe(
      'how long an event waits for the name of a new pod before it goes out without; up to 2 s while the name of its container is looked for in its mounts. 0: not at all',
    ),
  max_held: integer(0, 1_000_000).default(20_000).describe('how many events may wait'),
  retention_seconds: integer(0, 86_400).default(600).describe('how long pods that are gone keep their names'),
  max_gone: integer(0, 100_000).default(2000).describe('how many pods that are gone keep their names'),
});
