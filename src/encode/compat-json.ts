// Our knowledge in the shapes of the first cognitod.
import {
  type CompatEvent,
  type CompatGraph,
  type CompatMetrics,
  type CompatProcess,
  type CompatStatus,
  type CompatSystem,
  missingOf,
  type StatusJson,
} from '../api/index.ts';
import type { NodeReading, Usage } from '../collect/index.ts';
import type { Metadata } from '../identity/index.ts';
import type { AppliedEvent, ModelView, ProcessView } from '../model/index.ts';

/** The numbers that stand for kinds of events. */
const EVENT_TYPES = { exec: 0, fork: 1, exit: 2 } as const;
/** Moves were not events then. */
const EVENT_KINDS = ['fork', 'exec', 'exit'] as const;
/** Stands for a percentage that is not known. */
const UNKNOWN_MILLI = 65_535;
const MAX_GRAPH_NODES = 10_000;
const MAX_TOP = 5;
const MIB = 1024 * 1024;

/** What is known of a process beyond the model. */
export interface Measured {
  readonly usage: Usage | null;
  readonly memoryTotalBytes: number;
  /** CLOCK_BOOTTIME. */
  readonly nowNs: bigint;
}

type K8s = CompatProcess['k8s'];

function k8sOf(metadata: Metadata | null): K8s {
  if (metadata?.podName == null || metadata.namespace == null) return null;
  return {
    pod_name: metadata.podName,
    namespace: metadata.namespace,
    container_name: metadata.containerName,
    owner_kind: metadata.workload?.kind ?? null,
    owner_name: metadata.workload?.name ?? null,
    priority: null,
    slo_tier: null,
  };
}

const eventTypeOf = (process: ProcessView): CompatProcess['event_type'] =>
  process.state !== 'running' ? 'exit' : process.execSeq > 0 ? 'exec' : 'fork';

const memoryPercent = ({ rssBytes }: Usage, totalBytes: number) =>
  totalBytes === 0 ? 0 : rounded((100 * rssBytes) / totalBytes);

export function compatProcess(process: ProcessView, model: ModelView, measured: Measured): CompatProcess {
  const { usage, memoryTotalBytes, nowNs } = measured;
  const cpu = usage?.cpuPercent ?? null;
  return {
    pid: process.pid,
    ppid: process.parentPid,
    uid: process.uid,
    gid: process.gid,
    comm: process.image.comm,
    event_type: eventTypeOf(process),
    ...(cpu === null ? {} : { cpu_pct: rounded(cpu) }),
    ...(usage === null ? {} : { mem_pct: memoryPercent(usage, memoryTotalBytes) }),
    age_sec: Math.max(0, Number((nowNs - process.startNs) / 1_000_000_000n)),
    state: process.state === 'running' ? 'running' : 'exited',
    k8s: k8sOf(model.metadataOf(process)),
  };
}

/** `ts_ns` is CLOCK_BOOTTIME, of which integers are exact for 104 days; so is `exit_time_ns`, 0 but of an exit. */
export function compatEvent({ seq, event, identity, image }: AppliedEvent): CompatEvent {
  const at = Number(event.ktimeNs);
  return {
    pid: event.pid,
    ppid: event.parentPid,
    uid: event.uid,
    gid: event.gid,
    comm: image.comm,
    event_type: EVENT_TYPES[event.type],
    event_type_name: event.type,
    ts_ns: at,
    seq,
    exit_time_ns: event.type === 'exit' ? at : 0,
    cpu_pct_milli: UNKNOWN_MILLI,
    mem_pct_milli: UNKNOWN_MILLI,
    data: 0,
    data2: 0,
    aux: 0,
    aux2: 0,
    tags: [...identity.tags],
  };
}

/** Ancestors, siblings and descendants; levels count from the process, upwards negative. */
export function compatGraph(process: ProcessView, model: ModelView): CompatGraph {
  const nodes: CompatGraph['nodes'] = [];
  const add = (
    one: ProcessView,
    relationship: CompatGraph['nodes'][number]['relationship'],
    level: number,
  ) => {
    const { pid, parentPid, uid, gid } = one;
    const comm = one.image.comm;
    nodes.push({ pid, ppid: parentPid, comm, uid, gid, event_type: eventTypeOf(one), relationship, level });
    return nodes.length < MAX_GRAPH_NODES;
  };
  add(process, 'self', 0);
  const parent = model.parentOf(process);
  const seen = new Set([process]);
  for (
    let next = parent, level = -1;
    next !== undefined && !seen.has(next);
    next = model.parentOf(next), level--
  ) {
    seen.add(next);
    if (!add(next, 'ancestor', level)) break;
  }
  for (const sibling of parent?.children ?? []) if (sibling !== process && !add(sibling, 'sibling', 0)) break;
  let generation = [...(process.children ?? [])];
  for (let level = 1; generation.length > 0 && nodes.length < MAX_GRAPH_NODES; level++) {
    for (const one of generation) if (!add(one, 'descendant', level)) break;
    generation = generation.flatMap((one) => [...(one.children ?? [])]);
  }
  return { root: process.pid, nodes };
}

/** The agent itself. */
export interface AgentFigures {
  readonly status: StatusJson;
  /** Of one core, lately. */
  readonly cpuPercent: number;
  /** Over the last ten seconds. */
  readonly eventsPerSecond: number;
}

export function compatStatus(
  { status, cpuPercent, eventsPerSecond }: AgentFigures,
  processes: readonly CompatProcess[],
): CompatStatus {
  const missing = missingEvents(status);
  const largest = (key: 'cpu_pct' | 'mem_pct') =>
    processes.toSorted((a, b) => (b[key] ?? -1) - (a[key] ?? -1)).slice(0, MAX_TOP);
  return {
    version: status.version,
    uptime_s: Math.floor(status.uptime_seconds),
    offline: true,
    cpu_pct: rounded(cpuPercent),
    rss_mb: Math.round(status.memory.rss_bytes / MIB),
    events_per_sec: Math.round(eventsPerSecond),
    rb_overflows: missing,
    rate_limited: 0,
    kernel_version: status.collector.kernel,
    aya_version: 'none (libbpf)',
    transport: transportOf(status),
    active_rules: 0,
    top_rss: largest('mem_pct').map(({ pid, comm, k8s, mem_pct }) => ({
      pid,
      comm,
      k8s,
      mem_percent: mem_pct ?? 0,
    })),
    top_cpu: largest('cpu_pct').map(({ pid, comm, k8s, cpu_pct }) => ({
      pid,
      comm,
      k8s,
      cpu_percent: cpu_pct ?? 0,
    })),
    probes: { rss_probe: 'procfs', btf: status.collector.btf },
    reasoner: { configured: false, endpoint: null, timeout_ms: 0 },
    incidents_last_1h: null,
    feedback_entries: 0,
    slack_stats: { sent: 0, failed: 0, approved: 0, denied: 0 },
    perf_poll_errors: 0,
    dropped_events_total: missing,
  };
}

export function compatMetrics({ status, cpuPercent, eventsPerSecond }: AgentFigures): CompatMetrics {
  const { fork, exec, exit } = status.ledger;
  const drops = EVENT_KINDS.map((event_type) => ({
    event_type,
    drops: missingOf(status.ledger[event_type]),
  }));
  return {
    cpu_percent: rounded(cpuPercent),
    rss: Math.round(status.memory.rss_bytes / 1024),
    subscribers: status.clients,
    queue_depth: fork.pending + exec.pending + exit.pending,
    dropped_events_total: missingEvents(status),
    alerts_active: 0,
    uptime_seconds: Math.floor(status.uptime_seconds),
    events_per_sec: Math.round(eventsPerSecond),
    perf_poll_errors: 0,
    rate_limited: 0,
    alerts_emitted: 0,
    lineage_hits: 0,
    lineage_misses: 0,
    drops_by_type: drops,
    rss_probe_mode: 'procfs',
    kernel_btf_available: status.collector.btf,
    slack_sent: 0,
    slack_failed: 0,
    alerts_generated: 0,
    ilm_enabled: false,
  };
}

export function compatSystem(reading: NodeReading, unixSeconds: number): CompatSystem {
  const { cpu, memory, io } = reading.pressure;
  const { memoryTotalBytes: total, memoryUsedBytes: used } = reading;
  return {
    timestamp: unixSeconds,
    cpu_percent: rounded(reading.cpuPercent),
    mem_percent: total === 0 ? 0 : rounded((100 * used) / total),
    load_avg: [...reading.loadAverage],
    disk_read_bytes: reading.diskReadBytes,
    disk_write_bytes: reading.diskWriteBytes,
    net_rx_bytes: reading.netReceivedBytes,
    net_tx_bytes: reading.netSentBytes,
    psi_cpu_some_avg10: cpu?.some ?? 0,
    psi_memory_some_avg10: memory?.some ?? 0,
    psi_memory_full_avg10: memory?.full ?? 0,
    psi_io_some_avg10: io?.some ?? 0,
    psi_io_full_avg10: io?.full ?? 0,
  };
}

export const transportOf = ({ collector }: StatusJson): CompatStatus['transport'] =>
  collector.kind === 'ebpf' ? 'tracepoint' : 'userspace';

const missingEvents = ({ ledger }: StatusJson) =>
  EVENT_KINDS.reduce((sum, kind) => sum + missingOf(ledger[kind]), 0);

const rounded = (value: number) => Math.round(value * 100) / 100;
