// Routes and shapes of the first cognitod (v0.3), for its clients: docs/compat.md.
//
// They are not part of our contract: what is published there does not change any more. Parameters that we do not know are
// ignored, as they were.
import { z } from 'zod';
import { noParams, type RouteContract } from './route.ts';

const count = z.int().min(0);
const anyQuery = z.looseObject({});

export const compatK8sSchema = z.object({
  pod_name: z.string(),
  namespace: z.string(),
  container_name: z.string().nullable(),
  owner_kind: z.string().nullable(),
  owner_name: z.string().nullable(),
  priority: z.null(),
  slo_tier: z.null(),
});

export const compatProcessSchema = z.object({
  pid: count,
  ppid: count,
  uid: count,
  gid: count,
  comm: z.string(),
  event_type: z.enum(['exec', 'fork', 'exit']),
  cpu_pct: z.number().optional(),
  mem_pct: z.number().optional(),
  age_sec: count,
  state: z.enum(['running', 'exited']),
  k8s: compatK8sSchema.nullable(),
});
export type CompatProcess = z.infer<typeof compatProcessSchema>;

/** `event_type`: 0 exec, 1 fork, 2 exit. The `_milli` fields are 65535 where nothing is known. */
export const compatEventSchema = z.object({
  pid: count,
  ppid: count,
  uid: count,
  gid: count,
  comm: z.string(),
  event_type: z.int().min(0).max(2),
  event_type_name: z.enum(['exec', 'fork', 'exit']),
  ts_ns: z.number(),
  seq: count,
  exit_time_ns: z.number(),
  cpu_pct_milli: count,
  mem_pct_milli: count,
  data: count,
  data2: count,
  aux: count,
  aux2: count,
  tags: z.array(z.string()),
});
export type CompatEvent = z.infer<typeof compatEventSchema>;

const top = { pid: count, comm: z.string(), k8s: compatK8sSchema.nullable() };
const slackStats = z.object({ sent: count, failed: count, approved: count, denied: count });

export const compatStatusSchema = z.object({
  version: z.string(),
  uptime_s: count,
  offline: z.boolean(),
  cpu_pct: z.number(),
  rss_mb: count,
  events_per_sec: count,
  rb_overflows: count,
  rate_limited: count,
  kernel_version: z.string(),
  aya_version: z.string(),
  transport: z.enum(['tracepoint', 'userspace']),
  active_rules: count,
  top_rss: z.array(z.object({ ...top, mem_percent: z.number() })),
  top_cpu: z.array(z.object({ ...top, cpu_percent: z.number() })),
  probes: z.object({ rss_probe: z.string(), btf: z.boolean() }),
  reasoner: z.object({ configured: z.boolean(), endpoint: z.null(), timeout_ms: count }),
  incidents_last_1h: z.null(),
  feedback_entries: count,
  slack_stats: slackStats,
  perf_poll_errors: count,
  dropped_events_total: count,
});
export type CompatStatus = z.infer<typeof compatStatusSchema>;

export const compatSystemSchema = z.object({
  timestamp: count,
  cpu_percent: z.number(),
  mem_percent: z.number(),
  load_avg: z.tuple([z.number(), z.number(), z.number()]),
  disk_read_bytes: count,
  disk_write_bytes: count,
  net_rx_bytes: count,
  net_tx_bytes: count,
  psi_cpu_some_avg10: z.number(),
  psi_memory_some_avg10: z.number(),
  psi_memory_full_avg10: z.number(),
  psi_io_some_avg10: z.number(),
  psi_io_full_avg10: z.number(),
});
export type CompatSystem = z.infer<typeof compatSystemSchema>;

export const compatMetricsSchema = z.object({
  cpu_percent: z.number(),
  rss: count.describe('KiB'),
  subscribers: count,
  queue_depth: count,
  dropped_events_total: count,
  alerts_active: count,
  uptime_seconds: count,
  events_per_sec: count,
  perf_poll_errors: count,
  rate_limited: count,
  alerts_emitted: count,
  lineage_hits: count,
  lineage_misses: count,
  drops_by_type: z.array(z.object({ event_type: z.string(), drops: count })),
  rss_probe_mode: z.string(),
  kernel_btf_available: z.boolean(),
  slack_sent: count,
  slack_failed: count,
  alerts_generated: count,
  ilm_enabled: z.boolean(),
});
export type CompatMetrics = z.infer<typeof compatMetricsSchema>;

export const compatNodeSchema = z.object({
  cpu_total_pct: z.number(),
  memory_total_mb: count,
  memory_used_mb: count,
  processes_total: count,
  timestamp: count,
});

export const compatGraphSchema = z.object({
  root: count,
  nodes: z.array(
    z.object({
      pid: count,
      ppid: count,
      comm: z.string(),
      uid: count,
      gid: count,
      event_type: z.enum(['exec', 'fork', 'exit']),
      relationship: z.enum(['self', 'ancestor', 'sibling', 'descendant']),
      level: z.int(),
    }),
  ),
});
export type CompatGraph = z.infer<typeof compatGraphSchema>;

export const compatAttributionSchema = z.object({
  victim: z.object({ pod: z.string(), namespace: z.string() }),
  window_minutes: z.number(),
  from: z.int(),
  to: z.int(),
  permalink: z.string(),
  attributions: z.array(z.never()),
});

const nothing = z.array(z.never());
const pid = z.string().regex(/^\d{1,10}$/, 'a pid');
const unixSeconds = z.coerce.number().int().min(0).max(1e11).optional();
const name = z.string().min(1).max(253);

const defaults = { method: 'GET', access: 'read', query: anyQuery, params: noParams, stream: false } as const;

/** Beside these, `/healthz` and `/readyz` carry the fields of both. */
export const compatRoutes = {
  compatStatus: {
    ...defaults,
    path: '/status',
    summary: 'The agent, as the first cognitod told it.',
    answer: compatStatusSchema,
  },
  compatProcesses: {
    ...defaults,
    path: '/processes',
    summary: 'Live processes.',
    query: z.looseObject({
      filter: z
        .string()
        .regex(/^(?:cpu|mem)_pct>\d{1,9}(?:\.\d{1,9})?$/, 'cpu_pct>N or mem_pct>N')
        .optional(),
      sort: z.enum(['cpu_pct:desc', 'mem_pct:desc'], 'cpu_pct:desc or mem_pct:desc').optional(),
    }),
    answer: z.array(compatProcessSchema),
  },
  compatContext: {
    ...defaults,
    path: '/context',
    summary: 'Live processes.',
    answer: z.array(compatProcessSchema),
  },
  compatProcess: {
    ...defaults,
    path: '/processes/:pid',
    summary: 'One live process.',
    params: z.strictObject({ pid }),
    answer: compatProcessSchema,
  },
  compatChildren: {
    ...defaults,
    path: '/ppid/:ppid',
    summary: 'Live children of a process.',
    params: z.strictObject({ ppid: pid }),
    answer: z.array(compatProcessSchema),
  },
  compatGraph: {
    ...defaults,
    path: '/graph/:pid',
    summary: 'A process with its ancestors, siblings and descendants.',
    params: z.strictObject({ pid }),
    answer: compatGraphSchema,
  },
  compatStream: {
    ...defaults,
    path: '/stream',
    summary: 'Events as they happen.',
    answer: compatEventSchema,
    stream: true,
  },
  compatEvents: {
    ...defaults,
    path: '/events',
    summary: 'Events as they happen; with since and rule those of alerts, none so far.',
    answer: z.union([compatEventSchema, nothing]),
    stream: true,
  },
  compatAlerts: {
    ...defaults,
    path: '/alerts',
    summary: 'Alerts as they happen; none so far.',
    answer: z.never(),
    stream: true,
  },
  compatTimeline: { ...defaults, path: '/timeline', summary: 'Past alerts; none so far.', answer: nothing },
  compatSystem: {
    ...defaults,
    path: '/system',
    summary: 'CPU, memory, load, disks, network and pressure of the node.',
    answer: compatSystemSchema,
  },
  compatMetrics: {
    ...defaults,
    path: '/metrics',
    summary: 'Figures of the agent, as JSON.',
    answer: compatMetricsSchema,
  },
  compatNode: {
    ...defaults,
    path: '/metrics/system',
    summary: 'Figures of the node, as JSON.',
    answer: compatNodeSchema,
  },
  compatInsights: {
    ...defaults,
    path: '/insights',
    summary: 'What a language model says; none so far.',
    answer: z.object({ summary: z.string(), risks: nothing }),
  },
  compatRecentInsights: {
    ...defaults,
    path: '/insights/recent',
    summary: 'Past insights; none so far.',
    answer: nothing,
  },
  compatIncidents: {
    ...defaults,
    path: '/incidents',
    summary: 'Past incidents; none so far.',
    answer: nothing,
  },
  compatIncidentStats: {
    ...defaults,
    path: '/incidents/stats',
    summary: 'Counts of incidents; none so far.',
    answer: z.object({
      total: count,
      circuit_breaker_triggers: count,
      avg_recovery_time_ms: z.null(),
      feedback_entries: count,
    }),
  },
  compatIncidentSummary: {
    ...defaults,
    path: '/incidents/summary',
    summary: 'Incidents by kind; none so far.',
    answer: z.object({
      total: count,
      analyzed: count,
      pending_analysis: count,
      by_event_type: z.object({}),
      recent: nothing,
    }),
  },
  compatIncident: {
    ...defaults,
    path: '/incidents/:id',
    summary: 'One incident; 404, because there are none so far.',
    params: z.strictObject({ id: name }),
    answer: z.never(),
  },
  compatAttribution: {
    ...defaults,
    path: '/attribution',
    summary: 'Who slowed a pod; nobody is named so far.',
    query: z.looseObject({
      pod: name,
      namespace: name,
      window: z.coerce.number().min(0).max(1e6).default(5),
      from: unixSeconds,
      to: unixSeconds,
    }),
    answer: compatAttributionSchema,
  },
  compatActions: {
    ...defaults,
    path: '/actions',
    summary: 'Proposed actions; this agent never acts.',
    answer: nothing,
  },
} as const satisfies Record<string, RouteContract>;
