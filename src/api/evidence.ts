// The JSON shapes of the evidence for auditors: daily records that are chained by hashes.
import { z } from 'zod';
import { byKind } from '../lib/counted-kinds.ts';
import { SCHEMA_VERSION } from './event.ts';
import { MISSING_COLUMNS } from './ledger.ts';
import { privilegesSchema } from './status.ts';

const count = z.int().min(0);
const time = z.string().describe('RFC 3339, UTC');
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const evidenceProgramSchema = z.object({
  object: z.string().describe('the object file'),
  sha256: sha256.describe('of the file'),
  instructions: count.describe('of all its programs'),
  hooks: z.array(z.string()).describe('where they are attached, e.g. tp_btf/sched_process_exec'),
  helpers: z.array(z.string()).describe('kernel functions that they call'),
  read_only: z.boolean().describe('all of these only read, or write to the agent alone'),
});

/** What happened to one kind of event in the time of a record. */
export const coverageSchema = z.object({
  happened: count.describe("the kernel's own count, and what it skipped"),
  seen: count,
  lost: count.describe('the ring was full'),
  skipped: count
    .optional()
    .describe('the kernel ran no program; absent in records of versions that did not look for that'),
});
export type CoverageJson = z.infer<typeof coverageSchema>;

export const evidenceContentSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  reason: z
    .enum(['start', 'day', 'change', 'stop'])
    .describe(
      'why the record was made: a record covers the time since the one before, of the same agent run',
    ),
  from: time,
  to: time,
  node: z.string(),
  boot_id: z.string(),
  version: z.string(),
  agent_pid: z.int(),
  collector: z.enum(['ebpf', 'procfs']),
  collector_reason: z.string(),
  programs: z.array(evidenceProgramSchema),
  // Records of before have none.
  privileges: privilegesSchema.partial({ confinement: true }),
  configuration: z.object({
    sha256: sha256.describe('of its canonical JSON, secrets replaced'),
    values: z.record(z.string(), z.unknown()),
  }),
  coverage: z.object({
    // Records of versions that did not count a kind have no row of it.
    ...byKind(() => coverageSchema.optional()),
    fork: coverageSchema,
    exec: coverageSchema,
    exit: coverageSchema,
    move: coverageSchema.optional().describe('into another cgroup; absent in records of earlier versions'),
  }),
  containers: z.object({ events: count, attributed: count }),
  gaps: z.array(
    z.object({
      from: time,
      to: time,
      reason: z
        .enum(['not-running', 'not-recorded', ...MISSING_COLUMNS])
        .describe(
          'not-recorded: an agent that was killed left no last record; how long it ran is not known. lost, skipped: events did not reach the agent; those that were skipped happened before it was noticed',
        ),
      events: count.nullable(),
    }),
  ),
  access: z.array(
    z.object({ who: z.string(), method: z.string(), route: z.string(), status: z.int(), count }),
  ),
  access_overflow: count.describe('requests of further kinds, not listed'),
  egress: z
    .array(z.object({ to: z.string(), purpose: z.string(), state: z.string() }))
    .describe('where it is configured to connect to'),
  connections: z
    .array(z.object({ to: z.string().describe('address:port, or path of a Unix socket'), count }))
    .describe('connections that the agent itself tried to make'),
  connections_overflow: count.describe('connections to further destinations, not listed'),
  cluster: z
    .object({
      state: z.enum(['read', 'partly', 'not-read']),
      reasons: z.array(z.string()).describe('what was not read, and why'),
      rights: z
        .array(z.string())
        .describe("what the agent's account may do, as the API tells it: verbs, resources, [names]"),
      objects: z.array(
        z.object({
          kind: z.string(),
          namespace: z.string().nullable(),
          name: z.string(),
          sha256: sha256.describe('of the content'),
          content: z.string().nullable().describe('canonical JSON of what it says; null when it is long'),
        }),
      ),
    })
    .describe('roles, bindings and network policies as found in the cluster'),
  insights: z.array(z.object({ time, rule: z.string(), summary: z.string() })),
  problems: z.array(z.string()).describe('what went wrong with the evidence itself, e.g. a torn record'),
});
export type EvidenceContent = z.infer<typeof evidenceContentSchema>;

export const evidenceRecordSchema = evidenceContentSchema.extend({
  sequence: z.int().min(1),
  previous_hash: sha256,
  hash: sha256,
  signed_by: sha256.optional().describe('SHA-256 of the public key; records of before were not signed'),
  signature: z.string().optional().describe('Ed25519, of the 64 characters of `hash`, in hexadecimal'),
});
export type EvidenceRecord = z.infer<typeof evidenceRecordSchema>;

export const evidenceSchema = z.object({
  schema_version: z.literal(SCHEMA_VERSION),
  kept_in: z
    .string()
    .nullable()
    .describe('the file of the records; null: in memory, gone when the agent ends'),
  head: z.object({ sequence: z.int(), hash: sha256 }).nullable(),
  records: z.array(evidenceRecordSchema),
  current: evidenceContentSchema.describe('since the last record'),
});
export type EvidenceJson = z.infer<typeof evidenceSchema>;

const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'must be a day like 2026-11-23');
export const evidenceQuerySchema = z.strictObject({
  from: date.optional().describe('first day, UTC'),
  to: date.optional().describe('last day, UTC'),
});
export type EvidenceQuery = z.infer<typeof evidenceQuerySchema>;
