// The operations listener.
import { z } from 'zod';
import { listen } from './values.ts';

export const ops = z.strictObject({
  listen: listen.prefault('127.0.0.1:9464').describe('address of /healthz, /readyz and /metrics'),
});
