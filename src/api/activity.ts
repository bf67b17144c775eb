// The JSON shape of what pods do: forks, execs, exits, resources.
import { z } from 'zod';
import { SCHEMA_VERSION } from './event.ts';
import { placeQuery, queryInteger } from './query.ts';

const count = z.int().min(0);
const rate = z.number().min(0).describe('events per second over the last ten seconds');

/** CPU and memory of live processes, read from /proc when somebody asks. */
export const usageSchema = z.object({
  cpu_seconds: z.number().describe('CPU time, user and system, since the process started'),
  cpu_percent: z
    .number()
    .nullable()
    .describe('of one core, between the two last readings; null until there are two'),
  rss_bytes: count.describe('resident memory'),
});
export type UsageJson = z.infer<typeof usageSchema>;

const activityCounts = {
  forks: count,
  execs: count,
  exits: count,
  failed_exits: count.describe('exits with a code other than 0'),
  killed_exits: count.describe('exits by a signal'),
  short_lived: count.describe('exits of processes that lived less than a second'),
  fork_rate: rate,
  exec_rate: rate,
  exit_rate: rate,
};

/** A pod, a container outside of pods, a host service, or the kernel, and what it did since the agent started. */
export const placeActivitySchema = z.object({
  place: z
    .enum(['pod', 'container', 'unit', 'host', 'kernel', 'unknown', 'other'])
    .describe(
      'unknown: the cgroup could not be named; other: what was counted together because there were too many places',
    ),
  namespace: z.string().nullable(),
  pod_name: z.string().nullable(),
  pod_uid: z.string().nullable(),
  workload_kind: z.string().nullable(),
  workload_name: z.string().nullable(),
  unit: z.string().nullable(),
  containers: z.array(z.object({ container_id: z.string(), container_name: z.string().nullable() })),
  running: count.describe('live processes'),
  ...activityCounts,
  usage: usageSchema.nullable().describe('of its live processes together'),
});
export type PlaceActivityJson = z.infer<typeof placeActivitySchema>;

/** Answer of `GET /api/v1/activity`: places by activity, the busiest first, and the node's last minutes. */
export const activitySchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  time: z.string(),
  node: z.object({ running: count, ...activityCounts }),
  history: z.object({
    /** Seconds since 1970 of the first point; one point per second, oldest first. */
    from: count,
    forks: z.array(count),
    execs: z.array(count),
    exits: z.array(count),
  }),
  places: z.array(placeActivitySchema),
  total: count.describe('how many places match the filters'),
});
export type ActivityJson = z.infer<typeof activitySchema>;

/** Query of `GET /api/v1/activity`. */
export const activityQuerySchema = z.strictObject({
  ...placeQuery,
  limit: queryInteger(1, 1000).default(100),
});
export type ActivityQuery = z.infer<typeof activityQuerySchema>;
