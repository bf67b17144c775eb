// Metrics by workload: what its processes do and use.
import type { Registry } from 'prom-client';
import type { WorkloadBook, WorkloadTotals } from '../model/index.ts';
import { type ActivitySource, type Occupied, occupiedPlaces } from './activity-json.ts';
import { counter, gauge, type Labels } from './metric-set.ts';
import { signalName } from './signal-name.ts';

const LABELS = ['namespace', 'workload_kind', 'workload'];

/** Exit codes with a series of their own; others are counted as `other`. 126 to 143 are what shells make of failures. */
const CODES: ReadonlySet<number> = new Set([0, 1, 2, 126, 127, 130, 134, 137, 139, 143]);
/** Likewise signals. */
const SIGNALS: ReadonlySet<string> = new Set([
  ...['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL'],
  ...['SIGSEGV', 'SIGPIPE', 'SIGALRM', 'SIGTERM', 'SIGXCPU', 'SIGSYS'],
]);

/** What lives in the places of a workload now. */
interface Alive {
  processes: number;
  containers: Set<string>;
  rssBytes: number;
}

/** Returns what brings the series up to date; the usage of live processes must have been refreshed before. */
export function workloadMetrics(registry: Registry, source: ActivitySource, book: WorkloadBook): () => void {
  const forks = counter(registry, 'workload_forks_total', 'Processes that were forked, by workload.', LABELS);
  const execs = counter(registry, 'workload_execs_total', 'Programs that were started, by workload.', LABELS);
  const exits = counter(
    registry,
    'workload_exits_total',
    'Processes that ended, by workload and by exit code or signal.',
    [...LABELS, 'code', 'signal'],
  );
  const shortLived = counter(
    registry,
    'workload_short_lived_exits_total',
    'Of the processes that ended, those that had lived less than a second.',
    LABELS,
  );
  const cpu = counter(
    registry,
    'workload_cpu_seconds_total',
    'CPU time of the processes of a workload, those that ended and those that live.',
    LABELS,
  );
  const processes = gauge(registry, 'workload_processes', 'Live processes, by workload.', LABELS);
  const containers = gauge(
    registry,
    'workload_containers',
    'Containers with a live process, by workload.',
    LABELS,
  );
  const memory = gauge(
    registry,
    'workload_resident_memory_bytes',
    'Resident memory of the live processes of a workload; shared pages count in each.',
    LABELS,
  );
  const workloads = gauge(registry, 'workloads', 'Workloads that have series of their own.');
  const overflow = counter(
    registry,
    'workload_overflow_total',
    'How often a workload was counted as `other` because too many have series: once a scrape each.',
  );
  const places = counter(
    registry,
    'activity_overflow_total',
    'Events that were counted together because there were too many pods and services.',
  );
  return () => {
    const alive = settle(source, book);
    const all = book.totals().map((totals) => ({ totals, labels: labelsOf(totals) }));
    const series = (value: (totals: WorkloadTotals) => number) =>
      all.map(({ totals, labels }): [number, Labels] => [value(totals), labels]);
    forks(...series((totals) => totals.forks));
    execs(...series((totals) => totals.execs));
    exits(...all.flatMap(({ totals, labels }) => exitSeries(totals, labels)));
    shortLived(...series((totals) => totals.shortLived));
    cpu(...series(({ cpuNs }) => cpuNs / 1e9));
    processes(...series((totals) => alive.get(totals)?.processes ?? 0));
    containers(...series((totals) => alive.get(totals)?.containers.size ?? 0));
    memory(...series((totals) => alive.get(totals)?.rssBytes ?? 0));
    workloads([all.length]);
    overflow([book.refused]);
    places([source.activity.overflow]);
  };
}

/** Brings the counters up to now, and tells what lives. */
function settle(source: ActivitySource, book: WorkloadBook): Map<WorkloadTotals, Alive> {
  const alive = new Map<WorkloadTotals, Alive>();
  for (const { place, live } of occupiedPlaces(source)) {
    const { identity } = place;
    const metadata = identity === null ? null : source.model.metadataOf({ identity });
    const { cpuNs, rssBytes } = resources(live, source);
    const totals = book.settle(place, metadata, cpuNs);
    const known = alive.get(totals) ?? { processes: 0, containers: new Set(), rssBytes: 0 };
    known.processes += live.length;
    known.rssBytes += rssBytes;
    for (const process of live)
      if (process.identity.containerId !== null) known.containers.add(process.identity.containerId);
    alive.set(totals, known);
  }
  return alive;
}

function resources(live: Occupied['live'], { usage }: ActivitySource) {
  let [cpuNs, rssBytes] = [0, 0];
  for (const process of live) {
    const read = usage.of(process);
    cpuNs += read?.cpuNs ?? 0;
    rssBytes += read?.rssBytes ?? 0;
  }
  return { cpuNs, rssBytes };
}

const labelsOf = ({ workload: { namespace, kind, name } }: WorkloadTotals): Labels => ({
  namespace,
  workload_kind: kind,
  workload: name,
});

function exitSeries({ causes }: WorkloadTotals, labels: Labels): [number, Labels][] {
  const counts = new Map<string, number>();
  for (const [cause, count] of causes) {
    const name = causeName(cause);
    counts.set(name, (counts.get(name) ?? 0) + count);
  }
  return [...counts].map(([name, count]) => {
    const [code = '', signal = ''] = name.split('/');
    return [count, { ...labels, code, signal }];
  });
}

/** `code/` or `/signal`. */
function causeName(cause: number): string {
  if (cause < 256) return `${CODES.has(cause) ? cause : 'other'}/`;
  const name = signalName(cause - 256);
  return `/${SIGNALS.has(name) ? name : 'other'}`;
}
