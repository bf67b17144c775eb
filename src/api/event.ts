// The JSON shapes of events and stream records, shared by server, command line and dashboard.
import { z } from 'zod';
import { placeQuery, programQuery, queryTime } from './query.ts';

/** Version of every published document and record. Raised only when a field changes meaning or goes. */
export const SCHEMA_VERSION = 1;

const processId = z.string().describe('stable id of a process: boot id, pid and start time');
/** 16 hex digits. */
export const capabilitySet = z.string().regex(/^[0-9a-f]{16}$/);
const u32 = z.int().min(0).max(4294967295);

/** What events and processes say about where the process runs. */
export const identityFields = {
  container_id: z.string().nullable().describe('full id of the container: of nested ones the outermost'),
  pod_uid: z.string().nullable(),
  runtime: z.string().nullable(),
  qos: z.enum(['guaranteed', 'burstable', 'besteffort']).nullable(),
  unit: z
    .string()
    .nullable()
    .describe("systemd unit of a host service; of a user's processes the session or the user manager"),
  user_unit: z.string().optional().describe('unit within a user manager, by the name that the user gave it'),
  cgroup_path: z.string().nullable(),
  cgroup_truncated: z
    .literal(true)
    .optional()
    .describe('cgroup_path is too deep or too long: its root end is missing, so nothing of it is believed'),
  tags: z.array(z.string()),
  provenance: z
    .string()
    .describe('where the container and pod come from (`claimed`: only a name says so), or why there is none'),
  claim: z
    .object({
      container_id: z.string().nullable(),
      pod_uid: z.string().nullable(),
      runtime: z.string().nullable(),
      qos: z.enum(['guaranteed', 'burstable', 'besteffort']).nullable(),
    })
    .optional()
    .describe(
      'what names of the cgroup claim that are not believed: whoever may make directories there chose them',
    ),
};

/** Who named a part of the metadata (kube-api, cri, docker, podman), or why nobody did. */
const part = z.string().describe('kube-api, cri, docker, podman, or why it is missing');

/**
 * Names of pod, container and workload. Absent outside containers. In a container that is not yet named, or never
 * will be, they are null and `metadata_provenance` says why.
 */
export const metadataFields = {
  namespace: z.string().nullable().optional(),
  pod_name: z.string().nullable().optional(),
  pod_labels: z.record(z.string(), z.string()).nullable().optional(),
  pod_annotations: z.record(z.string(), z.string()).nullable().optional(),
  node: z.string().nullable().optional(),
  service_account: z.string().nullable().optional(),
  workload_kind: z.string().nullable().optional().describe('what owns the pod in the end, e.g. Deployment'),
  workload_name: z.string().nullable().optional(),
  container_name: z.string().nullable().optional(),
  container_kind: z.enum(['app', 'init', 'ephemeral', 'sandbox']).nullable().optional(),
  image: z.string().nullable().optional(),
  image_id: z.string().nullable().optional(),
  container_started_at: z.string().nullable().optional(),
  container_restart_count: z.int().nullable().optional(),
  metadata_provenance: z.object({ pod: part, container: part, workload: part }).optional(),
};

/** One fork, exec or exit. Fields that do not belong to a type are absent, unknown ones are null. */
export const eventSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  type: z.enum(['fork', 'exec', 'exit']),
  seq: z.int().describe('position among all events of this agent run; with the run before it the SSE id'),
  time: z.string().describe('RFC 3339 with nanoseconds, UTC'),
  ktime_ns: z
    .number()
    .describe('CLOCK_BOOTTIME in nanoseconds; the integer in the text is exact at any size'),
  pid: u32,
  ppid: u32,
  process_id: processId,
  parent_process_id: processId.nullable(),
  uid: u32,
  gid: u32,
  euid: u32,
  loginuid: u32.nullable(),
  session_id: u32.nullable(),
  cap_effective: capabilitySet.describe('effective capabilities, 16 hex digits as in /proc/PID/status'),
  pid_namespace: u32.nullable(),
  mnt_namespace: u32.nullable(),
  cgroup_namespace: u32.nullable(),
  ns_pid: u32.nullable().describe("the pid inside the process's own pid namespace"),
  cgroup_id: z.int(),
  cgroup_v1_id: z.int().nullable(),
  comm: z.string(),
  executable: z.string().nullable(),
  argv: z.array(z.string()).nullable(),
  kernel_thread: z.boolean(),
  exec_seq: z.int().describe('how many times this process had exec-ed by then'),
  ...identityFields,
  ...metadataFields,
  source: z.enum(['ebpf', 'procfs']),
  // fork
  forker_pid: u32.optional().describe('the process that called fork, when it is not the parent'),
  forker_process_id: processId.optional(),
  // exec
  argc: z.int().optional(),
  argv_truncated: z.boolean().optional(),
  argv_unreadable: z.boolean().optional(),
  argv_masked: z.int().optional().describe('arguments in which a secret was masked'),
  inode: z.number().optional().describe('some file systems use all 64 bits: above 2^53 it may be rounded'),
  device: z.string().optional().describe('major:minor'),
  memfd: z.boolean().optional(),
  deleted: z.boolean().optional(),
  upper_layer: z.boolean().nullable().optional(),
  caller_tid: u32.optional(),
  interpreter: z
    .string()
    .optional()
    .describe(
      'what runs the executable, which is a script or of another format; the file is the interpreter',
    ),
  file_name: z.string().optional().describe("the file's own name, where the caller gave an open file"),
  // exit
  exit_code: z.int().nullable().optional(),
  exit_signal: z.int().nullable().optional(),
  exit_signal_name: z.string().nullable().optional(),
  core_dumped: z.boolean().optional(),
  cpu_time_ns: z.number().optional(),
  max_rss_bytes: z.int().optional(),
  minor_faults: z.int().optional(),
  major_faults: z.int().optional(),
  lifetime_ns: z.number().optional().describe('above 2^53 (104 days) the integer in the text is still exact'),
});
export type EventJson = z.infer<typeof eventSchema>;

/** The first record of a stream: from here on it misses nothing that is not told in a gap. */
export const streamReadySchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  type: z.literal('ready'),
  time: z.string(),
});
export type StreamReadyJson = z.infer<typeof streamReadySchema>;

/**
 * Stands in a stream in the place of events that this client did not get. After `buffer-expired` the count takes in events
 * that its filters would have left out: what is no longer kept cannot be looked at.
 */
export const gapSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  type: z.literal('gap'),
  time: z.string(),
  lost: z.int().nullable().describe('how many events were not sent; null when nobody can know'),
  reason: z
    .enum(['slow-client', 'buffer-expired', 'other-run'])
    .describe('too slow; came back too late; the id to resume from is of another run of the agent'),
});
export type GapJson = z.infer<typeof gapSchema>;

/** Query of `GET /api/v1/events`: every given filter must match. */
export const eventQuerySchema = z.strictObject({
  type: z
    .string()
    .regex(/^(fork|exec|exit)(,(fork|exec|exit))*$/, 'a comma-separated list of fork, exec, exit')
    .optional(),
  ...placeQuery,
  ...programQuery,
  since: queryTime().optional().describe('begins with the events since then, as far as they are kept'),
  until: queryTime().optional().describe('only events up to then; the stream does not end'),
});
export type EventQuery = z.infer<typeof eventQuerySchema>;
