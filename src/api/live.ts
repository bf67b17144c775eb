// The JSON shapes of the live process list: a snapshot, then what changes.
import { z } from 'zod';
import { gapSchema, SCHEMA_VERSION, streamReadySchema } from './event.ts';
import { processSchema, processStates } from './process.ts';
import { placeQuery, programQuery } from './query.ts';

const version = z.literal(SCHEMA_VERSION);

/** The first record of a stream. */
export const liveReadySchema = streamReadySchema.extend({
  resumed: z
    .boolean()
    .describe('true: what changed since the id that the client sent follows; false: a snapshot follows'),
});

/** A process of the snapshot. */
export const liveSnapshotSchema = z.object({
  schema_version: version,
  type: z.literal('snapshot'),
  process: processSchema,
});

/**
 * The snapshot is complete: whatever the client still holds from before it and was not in it since is gone. All numbers
 * and records before were of a consistent list only from here on.
 */
export const liveSnapshotEndSchema = z.object({
  schema_version: version,
  type: z.literal('snapshot-end'),
  time: z.string(),
  processes: z.int().describe('how many `snapshot` records there were'),
});

/** A process that is new or has changed, as it is now. */
export const liveProcessSchema = z.object({
  schema_version: version,
  type: z.literal('process'),
  process: processSchema,
});

/** A process that was sent before has ended, or its end was not seen and it is gone. */
export const liveExitSchema = z.object({
  schema_version: version,
  type: z.literal('exit'),
  process_id: z.string(),
  pid: z.int(),
  state: z.enum(processStates),
  exit_time: z.string().nullable(),
  exit_code: z.int().nullable(),
  exit_signal: z.int().nullable(),
  exit_signal_name: z.string().nullable(),
  core_dumped: z.boolean().nullable(),
  cpu_time_ns: z.number().nullable(),
  max_rss_bytes: z.int().nullable(),
});
export type LiveExitJson = z.infer<typeof liveExitSchema>;

/** A process that was sent before runs on, but the filter no longer lets it through. */
export const liveLeaveSchema = z.object({
  schema_version: version,
  type: z.literal('leave'),
  process_id: z.string(),
  pid: z.int(),
});

/** Processes that came and went between two records: never sent, only counted. */
export const liveShortSchema = z.object({
  schema_version: version,
  type: z.literal('short-lived'),
  time: z.string(),
  count: z.int(),
});

/** A record of `GET /api/v1/processes/live`. After a `gap` a new snapshot follows. */
export const liveRecordSchema = z.discriminatedUnion('type', [
  liveReadySchema,
  liveSnapshotSchema,
  liveSnapshotEndSchema,
  liveProcessSchema,
  liveExitSchema,
  liveLeaveSchema,
  liveShortSchema,
  gapSchema,
]);
export type LiveReadyJson = z.infer<typeof liveReadySchema>;
export type LiveRecordJson = z.infer<typeof liveRecordSchema>;

/** Query of `GET /api/v1/processes/live`: every given filter must match. */
export const liveQuerySchema = z.strictObject({ ...placeQuery, ...programQuery });
export type LiveQuery = z.infer<typeof liveQuerySchema>;
