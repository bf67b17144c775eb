// The JSON shape of the agent's status, its ledger and its errors.
import { z } from 'zod';
import { byKind } from '../lib/counted-kinds.ts';
import { SCHEMA_VERSION } from './event.ts';

const count = z.int().min(0);

/** The account of one kind of event since the agent started: kernel = decoded + lost + skipped + pending. */
export const ledgerEntrySchema = z.object({
  kernel: count.describe(
    'how many happened: what the kernel programs counted, which cannot lose, and what was skipped',
  ),
  decoded: count.describe('events that reached the model'),
  lost: count.describe('events that did not: counted by the programs, but the ring was full'),
  skipped: count.describe(
    'events for which the kernel ran no program (Linux 7 can preempt tracepoints), as the numbers of execs and the processes that are gone tell',
  ),
  pending: count.describe('events still in the ring when the answer was made'),
});

export const ledgerSchema = z.object({
  ...byKind(() => ledgerEntrySchema),
  move: ledgerEntrySchema.describe(
    'processes that were put into another cgroup; no events, but the model follows',
  ),
  cgroup: z.object({ decoded: count, lost: count }),
  containers: z.object({
    seen: count.describe('events of processes in a container'),
    attributed: count.describe('of these, events whose container and, in a pod, pod uid is known'),
    unknown_cgroup: count.describe('events whose cgroup could not be named'),
    claimed: count.describe(
      'events of containers that only a name claims, in a place where others may make names: in none of the others',
    ),
  }),
  healed: z.object({
    exit_unseen: count.describe('processes closed because the kernel no longer has them'),
    fork_unseen: count.describe('processes adopted that nobody announced'),
    reopened: count.describe('processes that had been closed so and showed later that they live'),
  }),
  dropped: z.object({
    exited: count.describe('exited processes forgotten before their retention ended, for lack of space'),
    live: count.describe('live processes not kept because the table is full'),
    images: count.describe('old images forgotten, for lack of space'),
  }),
});
export type LedgerJson = z.infer<typeof ledgerSchema>;

const capabilities = z.array(z.string());

/** What the agent holds, of all its threads together, read when the answer was made. */
export const privilegesSchema = z.object({
  cap_effective: capabilities,
  cap_permitted: capabilities,
  cap_inheritable: capabilities,
  cap_bounding: capabilities,
  cap_ambient: capabilities,
  no_new_privs: z.boolean().describe('set in every thread: no exec can give more'),
  seccomp: z.enum(['disabled', 'strict', 'filter']),
  uid: z.int(),
  gid: z.int(),
  threads: count,
  dropped: z.boolean().describe('everything was given up after the start, but for `kept`'),
  kept: capabilities.describe('kept on purpose: privileges.keep, or what reading needs on an old kernel'),
  privileged_seconds: z
    .number()
    .nullable()
    .describe('from the start of the process until privileges were given up; null when they were not'),
  confinement: z
    .object({
      system_calls: z.boolean().describe("the agent's own filter of system calls is on"),
      landlock: z
        .int()
        .nullable()
        .describe('version of Landlock that limits what is written and started; null when none does'),
      missing: z.array(z.string()).describe('why one of them is not on, in words'),
    })
    .describe('what the agent has forbidden itself beside its capabilities'),
});
export type PrivilegesJson = z.infer<typeof privilegesSchema>;

/** One kernel program as the kernel has it, as it was loaded; whether it is attached is asked when the answer is made. */
export const programSchema = z.object({
  hook: z.string(),
  name: z.string().describe("the kernel's name of it"),
  id: z.int().describe('its number in this kernel, as in bpftool'),
  tag: z.string().describe("the kernel's hash of its instructions"),
  verified_instructions: count.nullable().describe('steps of the verifier; null before Linux 5.16'),
  attached: z.boolean().describe('a link of the agent holds it on its hook'),
  runs: count
    .nullable()
    .describe(
      'only where privileges.drop is false and the kernel counts (kernel.bpf_stats_enabled): a descriptor that tells could run it',
    ),
  run_seconds: z.number().nullable(),
});
export type ProgramJson = z.infer<typeof programSchema>;

export const statusSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  version: z.string(),
  node: z.string(),
  boot_id: z.string(),
  pid: z.int(),
  started_at: z.string(),
  uptime_seconds: z.number(),
  time_namespace_offset_seconds: z
    .number()
    .describe(
      "what the boot clock of the agent's time namespace is ahead of the node's, which is taken into account; 0 outside of one",
    ),
  clock_step_seconds: z
    .number()
    .describe(
      'how far the wall clock was set since the start, against the clock since boot; positive: forward',
    ),
  ready: z.boolean().describe('the whole node is seen'),
  reasons: z.array(z.string()).describe('why not ready, in words'),
  collector: z.object({
    kind: z.enum(['ebpf', 'procfs']),
    reason: z.string().describe('why this one was chosen'),
    hooks: z.array(z.string()),
    programs: z.array(programSchema),
    ring_bytes: z.int().nullable(),
    ring_used_bytes: z.int().nullable(),
    kernel: z.string(),
    btf: z.boolean(),
    limits: z.array(z.string()).describe('what this kernel cannot give, in words'),
  }),
  privileges: privilegesSchema,
  ledger: ledgerSchema,
  decode_errors: z.record(z.string(), count),
  processes: z.object({
    running: count,
    exited: count,
    containers: count,
    cgroups: count,
    cgroups_claimed: count.describe(
      'cgroups so far whose names claim a pod or container where others may make names; not believed',
    ),
    cgroups_truncated: count.describe('cgroups so far whose path was cut; nothing of it is believed'),
  }),
  metadata: z.object({
    sources: z.array(
      z.object({
        name: z.string(),
        endpoint: z.string(),
        state: z.enum(['starting', 'ok', 'unreachable', 'no-permission', 'misconfigured']),
        reason: z.string().nullable().describe('what is wrong, in words'),
        objects: count,
        requests: count,
        failures: count,
        last_success: z.string().nullable(),
      }),
    ),
    pods: count,
    containers: count,
    gone: count.describe('pods that are gone and still have their names'),
    unnamed: count.describe('pods and containers that nobody has named'),
    contradicted: count.describe(
      'cgroups so far whose container is of another pod, by what the sources of names say: they have no names',
    ),
    inferred: count.describe(
      'containers so far whose name was inferred from their mounts because no source had named them yet',
    ),
    inferred_confirmed: count.describe('of these, those that a source has named since then, likewise'),
    inferred_refuted: count.describe('of these, those that a source has named otherwise'),
    held: count.describe('events that waited for a name'),
    released_unnamed: count.describe('of these, events that went out without'),
    overflowed: count.describe('events that could not wait because too many did'),
    waiting: count,
  }),
  evidence: z.object({
    kept_in: z.string().nullable().describe('the file of the records; null: in memory'),
    sequence: count.describe('of the last record; 0 when there is none yet'),
    head: z.string().nullable().describe('hash of the last record: keep it elsewhere, for verify --head'),
    public_key: z
      .string()
      .nullable()
      .describe(
        'of the key that signs the records, as PEM: keep it elsewhere, for verify --public-key; null: unsigned',
      ),
    anchored: count
      .nullable()
      .describe('number of the last record that went out as an event of Kubernetes; null: not configured'),
    failed_writes: count.describe('how often a record could not be written; it is tried again'),
    losses: count.describe('how often the file was removed, replaced or changed by somebody else'),
    problem: z
      .string()
      .nullable()
      .describe('why records cannot be written now, or else what the last loss was; null: neither'),
  }),
  tasks: z
    .array(
      z.object({
        name: z.string(),
        failures: count.describe('turns that failed'),
        failing: z.string().nullable().describe('why the last turn failed; null when it did not'),
        last_failure: z.string().nullable().describe('why the last turn that failed did so'),
      }),
    )
    .describe('what the agent does again and again; a turn that fails is made again at the next time'),
  clients: count,
  memory: z.object({ rss_bytes: count, model_bytes: count.describe('estimate of the process table') }),
});
export type StatusJson = z.infer<typeof statusSchema>;

/** `/healthz`: alive. `/readyz`: 503 and reasons when the node is not wholly seen. */
/** For clients of the first cognitod; on the API listener only. */
const instrumentation = {
  kernel_instrumentation: z.enum(['active', 'unavailable']).optional(),
  transport: z.enum(['tracepoint', 'userspace']).optional(),
};
export const healthSchema = z.object({ status: z.literal('ok'), ...instrumentation });
export type HealthJson = z.infer<typeof healthSchema>;
export const readySchema = z.object({
  ready: z.boolean(),
  reasons: z.array(z.string()),
  ...instrumentation,
  btf_available: z.boolean().optional(),
  rss_probe: z.string().optional(),
  reason: z.string().nullable().optional().describe('all reasons together'),
});
export type ReadyJson = z.infer<typeof readySchema>;
