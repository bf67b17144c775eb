// The JSON shapes of processes, process pages and process trees.
import { z } from 'zod';
import { usageSchema } from './activity.ts';
import { capabilitySet, identityFields, metadataFields, SCHEMA_VERSION } from './event.ts';
import { placeQuery, programQuery, queryInteger, queryText, queryTime } from './query.ts';

/** One image (program) of a process; a process has one after fork and one more per exec. */
export const imageSchema = z.object({
  exec_seq: z.int(),
  since: z.string().nullable(),
  comm: z.string(),
  executable: z.string().nullable(),
  argv: z.array(z.string()).nullable(),
  argv_truncated: z.boolean(),
  source: z.enum(['ebpf', 'procfs', 'snapshot', 'inherited']),
});
export type ImageJson = z.infer<typeof imageSchema>;

export const processStates = ['running', 'exited', 'exit_unseen'] as const;

/** One process of the live model; `images` only in the answer about a single process. */
export const processSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  process_id: z.string(),
  pid: z.int(),
  ppid: z.int(),
  parent_process_id: z.string().nullable(),
  state: z.enum(processStates),
  born: z.enum(['fork', 'snapshot', 'fork_unseen']).describe('how the agent learned of it'),
  start_time: z.string(),
  start_ktime_ns: z.number(),
  exit_time: z.string().nullable(),
  exit_code: z.int().nullable(),
  exit_signal: z.int().nullable(),
  exit_signal_name: z.string().nullable(),
  uid: z.int(),
  gid: z.int(),
  euid: z.int(),
  cap_effective: capabilitySet.describe(
    "effective capabilities, 16 hex digits as in /proc/PID/status. As of the last fork, exec, move between cgroups, exit, or comparison with the kernel's list (every model.heal_seconds), like uid, gid and euid: what the process changes itself (setuid, capset) does not show before",
  ),
  comm: z.string(),
  executable: z.string().nullable(),
  argv: z.array(z.string()).nullable(),
  kernel_thread: z.boolean(),
  ns_pid: z.int().nullable(),
  exec_seq: z.int(),
  children: z.int().describe('live children'),
  ...identityFields,
  ...metadataFields,
  images: z.array(imageSchema).optional(),
  usage: usageSchema
    .nullable()
    .optional()
    .describe('asked for with usage=true; null when it could not be read, e.g. of an exited process'),
});
export type ProcessJson = z.infer<typeof processSchema>;

export const processPageSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  processes: z.array(processSchema),
  total: z.int().describe('how many match the filters'),
  next_cursor: z.string().nullable(),
});
export type ProcessPageJson = z.infer<typeof processPageSchema>;

export interface ProcessTreeJson extends ProcessJson {
  tree: ProcessTreeJson[];
}
/** A process with its children. For the document: parsing recurses, and a tree may be deeper than the stack. */
export const processTreeNodeSchema = processSchema.extend({
  get tree(): z.ZodArray<z.ZodType<ProcessTreeJson>> {
    return z.array(processTreeNodeSchema);
  },
});
/** Answer of `/processes/{id}/tree`: ancestors from the parent upwards, and the process with its descendants. */
export const processTreeSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  ancestors: z.array(processSchema),
  process: z.custom<ProcessTreeJson>().meta({ $ref: '#/components/schemas/ProcessTree' }),
  truncated: z.boolean().describe('the tree was cut at the answer limit'),
});
export type ProcessTreeAnswer = z.infer<typeof processTreeSchema>;

/** Query of `GET /api/v1/processes`: every given filter must match. */
export const processQuerySchema = z.strictObject({
  ...placeQuery,
  ...programQuery,
  text: queryText(256)
    .optional()
    .describe(
      'part of the command line, executable, pid, uid, or of a name or id of its place; case does not count',
    ),
  parent: queryText(64)
    .optional()
    .describe('process id of their parent: its children, with state=all those that ended too'),
  since: queryTime().optional().describe('only processes that still ran then, or started later'),
  until: queryTime().optional().describe('only processes that had started by then'),
  state: z.enum(['running', 'exited', 'all'], 'one of running, exited, all').default('running'),
  limit: queryInteger(1, 1000)
    .default(500)
    .describe('at most so many; a page is shorter where it would be too large'),
  usage: z
    .enum(['true', 'false'], 'true or false')
    .default('false')
    .describe('also read CPU and memory of live processes'),
  sort: z
    .enum(['start', 'newest', 'cpu', 'memory'], 'one of start, newest, cpu, memory')
    .default('start')
    .describe(
      'start: in the order of appearance. One page only: newest, and cpu or memory: the largest first, with usage',
    ),
  cursor: queryText(128).optional().describe('`next_cursor` of the page before'),
});
export type ProcessQuery = z.infer<typeof processQuerySchema>;
