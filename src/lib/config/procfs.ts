// Polling.
import { z } from 'zod';
import { integer } from './values.ts';

export const procfs = z.strictObject({
  interval_ms: integer(10, 60_000).default(100).describe('pause between two looks of the procfs collector'),
});
