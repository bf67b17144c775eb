// Events in the foreground.
import { z } from 'zod';
import { flag } from './values.ts';

export const events = z.strictObject({
  print: flag.default(true).describe('print a line per event in the foreground'),
});
