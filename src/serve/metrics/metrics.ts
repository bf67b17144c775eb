// Prometheus metrics, read from the agent at a scrape, so that counting costs nothing in between.
import { Histogram, Registry } from 'prom-client';
import {
  COUNTED_KINDS,
  type LedgerColumn,
  MISSING_COLUMNS,
  type MissingColumn,
  type StatusJson,
} from '../../api/index.ts';
import type { StreamStats } from '../streams/event-streams.ts';
import type { WorkloadCounters } from '../../model/index.ts';
import type { ActivitySource } from '../../encode/index.ts';
import type { LiveStats } from '../streams/live-processes.ts';
import type { MetricsFormat, TlsStats } from '../../http/index.ts';
import { counter, gauge, type Labels, risingCounter } from './metric-set.ts';
import { workloadMetrics } from './workload-metrics.ts';

/** Where the values come from. Called once per scrape. */
export interface MetricsSource {
  status(): StatusJson;
  streams(): StreamStats;
  liveProcesses(): LiveStats;
  readonly activity: ActivitySource;
  readonly workloads: WorkloadCounters;
  /** Whether CPU and memory of all live processes are read at each scrape. */
  readonly readUsage: boolean;
  tls(): TlsStats | null;
  /** Of each listener, so far. */
  connectionsCut(): Readonly<Record<'api' | 'ops', number>>;
}

export interface Metrics {
  /** One scrape as Prometheus text, with exemplars where the format has room for them. */
  text(format?: MetricsFormat): Promise<string>;
  /** Time from an event in the kernel to its decoding. Meant for one event per batch, the first. */
  observeDelay(seconds: number): void;
}

/** From below the drain interval of about 10 ms up to what only a stuck agent shows. */
const DELAY_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

export function createMetrics(source: MetricsSource): Metrics {
  const registry = new Registry();
  const update = eventMetrics(registry);
  const updateAgent = agentMetrics(registry);
  const updateMetadata = metadataMetrics(registry);
  const updateStreams = streamMetrics(registry);
  const updateTls = tlsMetrics(registry);
  const updateConnections = connectionMetrics(registry);
  const delay = new Histogram({
    name: 'cognitod_event_delay_seconds',
    help: 'Time from an event in the kernel to its decoding; one sample per batch, its oldest event.',
    buckets: DELAY_BUCKETS,
    registers: [registry],
  });
  return {
    async text(format = 'prometheus') {
      const { model, usage } = source.activity;
      if (source.readUsage) await usage.refresh(model.running());
      const status = source.status();
      update(status);
      updateAgent(status);
      updateMetadata(status.metadata);
      updateStreams(source.streams(), source.liveProcesses());
      updateTls(source.tls());
      updateConnections(source.connectionsCut());
      const workloads = workloadMetrics(source.activity, source.workloads, format);
      return `${await registry.metrics()}\n${workloads}`;
    },
    observeDelay: (seconds) => delay.observe(seconds),
  };
}

function byLabel(label: string, values: Readonly<Record<string, number>>): [number, Labels][] {
  return Object.entries(values).map(([name, value]) => [value, { [label]: name }]);
}

const MISSING_HELP: Readonly<Record<MissingColumn, string>> = {
  lost: 'Events that were lost on the way to the model, exactly.',
  skipped: 'Events for which the kernel ran no program, as far as what came later tells.',
};

/** The ledger. */
function eventMetrics(registry: Registry): (status: StatusJson) => void {
  const type = ['type'];
  // An event that is told after it was counted as skipped is taken back from there, and from what happened.
  const kernel = risingCounter(
    registry,
    'events_kernel_total',
    'Events that happened: counted by the kernel programs, or skipped.',
    type,
  );
  const decoded = counter(registry, 'events_decoded_total', 'Events that reached the model.', type);
  const missing = MISSING_COLUMNS.map((column) => ({
    column,
    set: risingCounter(registry, `events_${column}_total`, MISSING_HELP[column], type),
  }));
  const pending = gauge(registry, 'events_pending', 'Events that wait in the ring.', type);
  const cgroups = counter(registry, 'cgroup_records_decoded_total', 'Records that name a cgroup.');
  const cgroupsLost = counter(
    registry,
    'cgroup_records_lost_total',
    'Records that name a cgroup and were lost; they are sent again.',
  );
  const seen = counter(registry, 'container_events_seen_total', 'Events of processes in a container.');
  const attributed = counter(
    registry,
    'container_events_attributed_total',
    'Of these, events whose container and, in a pod, pod uid is known.',
  );
  const unknown = counter(registry, 'events_unknown_cgroup_total', 'Events whose cgroup could not be named.');
  const claimed = counter(
    registry,
    'events_claimed_total',
    'Events of containers that only a name claims, where others may make names; counted as seen in no container.',
  );
  const healed = counter(registry, 'healed_total', 'Corrections of the process table against the kernel.', [
    'kind',
  ]);
  const dropped = counter(
    registry,
    'model_dropped_total',
    'What the process table forgot or did not keep, for lack of space.',
    ['kind'],
  );
  const errors = counter(registry, 'decode_errors_total', 'Records that could not be decoded.', ['kind']);
  return ({ ledger, decode_errors }) => {
    const byType = (column: LedgerColumn) =>
      COUNTED_KINDS.map((kind): [number, Labels] => [ledger[kind][column], { type: kind }]);
    kernel(...byType('kernel'));
    decoded(...byType('decoded'));
    for (const { column, set } of missing) set(...byType(column));
    pending(...byType('pending'));
    cgroups([ledger.cgroup.decoded]);
    cgroupsLost([ledger.cgroup.lost]);
    seen([ledger.containers.seen]);
    attributed([ledger.containers.attributed]);
    unknown([ledger.containers.unknown_cgroup]);
    claimed([ledger.containers.claimed]);
    healed(...byLabel('kind', ledger.healed));
    dropped(...byLabel('kind', ledger.dropped));
    errors(...byLabel('kind', decode_errors));
  };
}

/** The agent itself and the size of what it knows. */
function agentMetrics(registry: Registry): (status: StatusJson) => void {
  const build = gauge(registry, 'build_info', 'Version of the agent; always 1.', ['version', 'node_version']);
  const collector = gauge(registry, 'collector_info', 'How the node is watched; always 1.', [
    'kind',
    'kernel',
    'btf',
  ]);
  const ready = gauge(registry, 'ready', 'Whether the whole node is seen: 1 or 0.');
  const ringSize = gauge(registry, 'ring_size_bytes', 'Size of the ring between kernel and agent.');
  const ringUsed = gauge(registry, 'ring_used_bytes', 'Bytes that wait in the ring.');
  const processes = gauge(registry, 'processes', 'Processes that are known.', ['state']);
  const containers = gauge(registry, 'containers', 'Containers with a live process.');
  const cgroups = gauge(registry, 'cgroups', 'Cgroups whose name is known.');
  const claimed = counter(
    registry,
    'cgroups_claimed_total',
    'Cgroups whose names claim a pod or container where others may make names; they are not believed.',
  );
  const truncated = counter(
    registry,
    'cgroups_truncated_total',
    'Cgroups whose path was cut; nothing of it is believed.',
  );
  const modelBytes = gauge(registry, 'model_bytes', 'Estimate of the memory of the process table.');
  const cpu = counter(registry, 'process_cpu_seconds_total', 'CPU time of the agent.', ['mode']);
  const rss = gauge(registry, 'process_resident_memory_bytes', 'Resident memory of the agent.');
  const start = gauge(
    registry,
    'process_start_time_seconds',
    'When the agent started, in seconds since 1970.',
  );
  const evidence = gauge(registry, 'evidence_head', 'Number of the last evidence record, with its hash.', [
    'hash',
    'kept',
  ]);
  const failedWrites = counter(
    registry,
    'evidence_write_failures_total',
    'Times that an evidence record could not be written.',
  );
  const losses = counter(
    registry,
    'evidence_losses_total',
    'Times that the evidence file was removed, replaced or changed by somebody else.',
  );
  const failures = counter(
    registry,
    'task_failures_total',
    'Turns of periodic work that failed and were made again.',
    ['task'],
  );
  return (status) => {
    const { sequence, head, kept_in } = status.evidence;
    failedWrites([status.evidence.failed_writes]);
    losses([status.evidence.losses]);
    failures(...status.tasks.map(({ name, failures: count }): [number, Labels] => [count, { task: name }]));
    if (head !== null) evidence([sequence, { hash: head, kept: kept_in === null ? 'memory' : 'file' }]);
    const { kind, kernel, btf, ring_bytes, ring_used_bytes } = status.collector;
    const { user, system } = process.cpuUsage();
    build([1, { version: status.version, node_version: process.version }]);
    collector([1, { kind, kernel, btf: String(btf) }]);
    ready([status.ready ? 1 : 0]);
    ringSize(...known(ring_bytes));
    ringUsed(...known(ring_used_bytes));
    processes(...byLabel('state', { running: status.processes.running, exited: status.processes.exited }));
    containers([status.processes.containers]);
    cgroups([status.processes.cgroups]);
    claimed([status.processes.cgroups_claimed]);
    truncated([status.processes.cgroups_truncated]);
    modelBytes([status.memory.model_bytes]);
    cpu([user / 1e6, { mode: 'user' }], [system / 1e6, { mode: 'system' }]);
    rss([status.memory.rss_bytes]);
    start([Date.parse(status.started_at) / 1000]);
  };
}

/** Who names pods and containers, and how well that goes. */
function metadataMetrics(registry: Registry): (metadata: StatusJson['metadata']) => void {
  const up = gauge(registry, 'metadata_source_up', 'Whether a source of names answers: 1 or 0.', [
    'source',
    'state',
  ]);
  const requests = counter(registry, 'metadata_requests_total', 'Requests to a source of names.', ['source']);
  const failures = counter(registry, 'metadata_request_failures_total', 'Of these, those that failed.', [
    'source',
  ]);
  const known = gauge(registry, 'metadata_objects', 'Pods and containers whose names are known.', ['kind']);
  const unnamed = gauge(registry, 'metadata_unnamed', 'Pods and containers that nobody has named.');
  const contradicted = counter(
    registry,
    'metadata_contradicted_total',
    'Cgroups whose container is of another pod, by what the sources of names say; they have no names.',
  );
  const inferred = counter(
    registry,
    'metadata_inferred_total',
    'Containers whose name was inferred from their mounts because no source had named them yet.',
  );
  const refuted = counter(
    registry,
    'metadata_inferred_refuted_total',
    'Of these, those that a source has named otherwise since then.',
  );
  const held = counter(registry, 'events_held_total', 'Events that waited for the name of their pod.');
  const released = counter(
    registry,
    'events_released_unnamed_total',
    'Events that waited for the name of their pod and went out without it.',
  );
  const overflowed = counter(
    registry,
    'events_held_overflow_total',
    'Events that could not wait for the name of their pod because too many did.',
  );
  return ({ sources, ...metadata }) => {
    up(
      ...sources.map(({ name, state }): [number, Labels] => [
        state === 'ok' ? 1 : 0,
        { source: name, state },
      ]),
    );
    requests(...sources.map((source): [number, Labels] => [source.requests, { source: source.name }]));
    failures(...sources.map((source): [number, Labels] => [source.failures, { source: source.name }]));
    const { pods, containers, gone } = metadata;
    known(...byLabel('kind', { pod: pods, container: containers, pod_gone: gone }));
    unnamed([metadata.unnamed]);
    contradicted([metadata.contradicted]);
    inferred([metadata.inferred]);
    refuted([metadata.inferred_refuted]);
    held([metadata.held]);
    released([metadata.released_unnamed]);
    overflowed([metadata.overflowed]);
  };
}

function streamMetrics(registry: Registry): (events: StreamStats, processes: LiveStats) => void {
  const stream = ['stream'];
  const clients = gauge(registry, 'stream_clients', 'Clients of streams.', stream);
  const queued = gauge(
    registry,
    'stream_queued_bytes',
    'Bytes that wait in the agent for stream clients.',
    stream,
  );
  const replay = gauge(registry, 'stream_replay_events', 'Events kept for clients that come back.');
  const replayBytes = gauge(
    registry,
    'stream_replay_bytes',
    'Memory of what is kept for clients that come back, by estimate.',
    stream,
  );
  const sent = counter(
    registry,
    'stream_sent_total',
    'Events and changes of processes sent, counted once per client.',
    stream,
  );
  const lost = counter(
    registry,
    'stream_lost_total',
    'Events and changes not sent to a client, which was told in a gap.',
    ['stream', 'reason'],
  );
  return (events, processes) => {
    const byStream = (field: 'clients' | 'queuedBytes' | 'sent'): [number, Labels][] => [
      [events[field], { stream: 'events' }],
      [processes[field], { stream: 'processes' }],
    ];
    clients(...byStream('clients'));
    queued(...byStream('queuedBytes'));
    sent(...byStream('sent'));
    lost(
      [events.lost, { stream: 'events', reason: 'slow-client' }],
      [events.expired, { stream: 'events', reason: 'buffer-expired' }],
      [processes.lost, { stream: 'processes', reason: 'slow-client' }],
    );
    replay([events.replayEvents]);
    replayBytes([events.replayBytes, { stream: 'events' }], [processes.logBytes, { stream: 'processes' }]);
  };
}

function connectionMetrics(registry: Registry): (cut: ReturnType<MetricsSource['connectionsCut']>) => void {
  const total = counter(
    registry,
    'connections_cut_total',
    'Connections that had to make room for others, by listener.',
    ['listener'],
  );
  return (cut) => total(...byLabel('listener', cut));
}

/** Nothing without TLS. */
function tlsMetrics(registry: Registry): (tls: TlsStats | null) => void {
  const notAfter = gauge(
    registry,
    'api_certificate_not_after_seconds',
    'When the certificate of the API ends, in seconds since 1970.',
  );
  const reloads = counter(
    registry,
    'api_certificate_reloads_total',
    'Times that a new certificate was taken.',
  );
  const failures = counter(
    registry,
    'api_certificate_reload_failures_total',
    'Times that changed files of the certificate could not be used.',
  );
  return (tls) => {
    notAfter(...known(tls?.notAfterSeconds ?? null));
    reloads(...known(tls?.reloads ?? null));
    failures(...known(tls?.failures ?? null));
  };
}

function known(value: number | null): [number][] {
  return value === null ? [] : [[value]];
}
