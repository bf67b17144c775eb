// What the metrics tell one by one.
import { z } from 'zod';
import { flag, integer } from './values.ts';

export const metrics = z.strictObject({
  max_workloads: integer(0, 10_000)
    .default(500)
    .describe('workloads with series of their own; the rest is counted together'),
  max_units: integer(0, 10_000)
    .default(200)
    .describe(
      'systemd units with series of their own, those that differ only in a number or id as one; the rest is counted together',
    ),
  usage: flag.default(true).describe('whether CPU and memory of all live processes are read at each scrape'),
});
