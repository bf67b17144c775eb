// Event streams.
import { z } from 'zod';
import { bytes, GIB, integer, KIB, MIB } from './values.ts';

export const stream = z.strictObject({
  client_queue_bytes: bytes(64 * KIB, GIB)
    .default(32 * MIB)
    .describe('what may wait for one slow stream client'),
  total_queue_bytes: bytes(64 * KIB, 64 * GIB)
    .default(32 * MIB)
    .describe('what may wait for all stream clients together'),
  max_clients: integer(1, 10_000).default(256).describe('how many streams may be open; more are refused'),
  replay_events: integer(0, 10_000_000)
    .default(10_000)
    .describe('how many events are kept for clients that come back (docs/events.md)'),
  replay_bytes: bytes(0, 64 * GIB)
    .default(8 * MIB)
    .describe('memory of these events, and as much again for changes of the live list'),
  heartbeat_seconds: integer(1, 3600).default(10).describe('pause after which a stream shows that it lives'),
});
