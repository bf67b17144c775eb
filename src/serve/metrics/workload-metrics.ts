// Metrics by workload: what its processes do and use.
import {
  type Example,
  formatProcessId,
  type ModelView,
  type WorkloadCounters,
  type WorkloadTotals,
} from '../../model/index.ts';
import { type ActivitySource, type Occupied, occupiedPlaces, signalName } from '../../encode/index.ts';
import { type Exemplar, type Family, familyText, labelText, type MetricsFormat } from '../../http/index.ts';
import { unixNs } from '../answers/rfc3339.ts';

/** Exit codes with a series of their own; others are counted as `other`. 126 to 143 are what shells make of failures. */
const CODES: ReadonlySet<number> = new Set([0, 1, 2, 126, 127, 130, 134, 137, 139, 143]);
/** Likewise signals. */
const SIGNALS: ReadonlySet<string> = new Set([
  ...['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL'],
  ...['SIGSEGV', 'SIGPIPE', 'SIGALRM', 'SIGTERM', 'SIGXCPU', 'SIGSYS'],
]);

/** Names and values of the labels of an exemplar, by OpenMetrics. */
const EXEMPLAR_CHARS = 128;

/** What lives in the places of a workload now. */
interface Alive {
  processes: number;
  containers: Set<string>;
  rssBytes: number;
}

/** All families by workload, as text; the usage of live processes must have been refreshed before. */
export function workloadMetrics(
  source: ActivitySource,
  workloads: WorkloadCounters,
  format: MetricsFormat,
): string {
  const alive = settle(source, workloads);
  const all = workloads
    .totals()
    .map((totals) => ({ totals, labels: labelsOf(totals), alive: alive.get(totals) }));
  const family = (
    name: string,
    type: Family['type'],
    help: string,
    value: (one: (typeof all)[number]) => number,
  ): Family => ({ name: `workload_${name}`, type, help, series: all.map((one) => [one.labels, value(one)]) });
  const families: Family[] = [
    family('forks_total', 'counter', 'Processes that were forked.', ({ totals }) => totals.forks),
    family('execs_total', 'counter', 'Programs that were started.', ({ totals }) => totals.execs),
    {
      name: 'workload_exits_total',
      type: 'counter',
      help: 'Processes that ended, by exit code or signal.',
      series: all.flatMap(({ totals, labels }) => exitSeries(totals, labels, source.model)),
    },
    family(
      'short_lived_exits_total',
      'counter',
      'Of the processes that ended, those that had lived less than a second.',
      ({ totals }) => totals.shortLived,
    ),
    family(
      'cpu_seconds_total',
      'counter',
      'CPU time of the processes that ended and of those that live.',
      ({ totals }) => totals.cpuNs / 1e9,
    ),
    family('processes', 'gauge', 'Live processes.', (one) => one.alive?.processes ?? 0),
    family(
      'containers',
      'gauge',
      'Containers with a live process.',
      (one) => one.alive?.containers.size ?? 0,
    ),
    family(
      'resident_memory_bytes',
      'gauge',
      'Resident memory of the live processes; shared pages count in each.',
      (one) => one.alive?.rssBytes ?? 0,
    ),
    {
      name: 'workloads',
      type: 'gauge',
      help: 'Workloads that have series of their own.',
      series: [['', all.length]],
    },
    {
      name: 'workload_overflow_total',
      type: 'counter',
      help: 'How often a workload was counted as `other` because too many have series: once a scrape each.',
      series: [['', workloads.refused]],
    },
    {
      name: 'workload_units_overflow_total',
      type: 'counter',
      help: 'How often a systemd unit was counted with others because too many have series: once a scrape each.',
      series: [['', workloads.refusedUnits]],
    },
    {
      name: 'activity_overflow_total',
      type: 'counter',
      help: 'Events that were counted together because there were too many pods and services.',
      series: [['', source.activity.overflow]],
    },
  ];
  return families.map((one) => familyText(one, format)).join('');
}

/** Brings the counters up to now, and tells what lives. */
function settle(source: ActivitySource, workloads: WorkloadCounters): Map<WorkloadTotals, Alive> {
  const alive = new Map<WorkloadTotals, Alive>();
  for (const { place, live } of occupiedPlaces(source)) {
    const { identity } = place;
    const metadata = identity === null ? null : source.model.metadataOf({ identity });
    const { cpuNs, rssBytes } = resources(live, source);
    const totals = workloads.settle(place, metadata, cpuNs);
    const known = alive.get(totals) ?? { processes: 0, containers: new Set(), rssBytes: 0 };
    known.processes += live.length;
    known.rssBytes += rssBytes;
    for (const process of live)
      if (process.identity.containerId !== null && process.identity.provenance !== 'claimed')
        known.containers.add(process.identity.containerId);
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

const labelsOf = ({ workload: { namespace, kind, name } }: WorkloadTotals): string =>
  labelText({ namespace, workload_kind: kind, workload: name });

function exitSeries(
  { causes, examples }: WorkloadTotals,
  labels: string,
  model: Pick<ModelView, 'bootId' | 'timeOf'>,
): [string, number, Exemplar | undefined][] {
  // A rate misses what a series begins with: the commonest is there from the first scrape on.
  const series = new Map<string, { count: number; example: Example | undefined }>([
    [causeText(0), { count: 0, example: undefined }],
  ]);
  for (const [cause, count] of causes) {
    const name = causeText(cause);
    const known = series.get(name);
    const example = later(known?.example, examples.get(cause));
    series.set(name, { count: (known?.count ?? 0) + count, example });
  }
  return [...series].map(([cause, { count, example }]) => [
    `${labels},${cause}`,
    count,
    example === undefined ? undefined : exemplarOf(example, model),
  ]);
}

function later(a: Example | undefined, b: Example | undefined): Example | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.ktimeNs > b.ktimeNs ? a : b;
}

/** The process that `cognitod show` and the API know by this id, as long as they keep it. */
function exemplarOf(
  { pid, startNs, ktimeNs, podName }: Example,
  model: Pick<ModelView, 'bootId' | 'timeOf'>,
): Exemplar {
  const labels: Record<string, string> = { process_id: formatProcessId(model.bootId, pid, startNs) };
  const room = EXEMPLAR_CHARS - 'process_idpod'.length - labels.process_id!.length;
  if (podName !== null && podName.length <= room) labels.pod = podName;
  return { labels, time: Number(unixNs(model.timeOf(ktimeNs)) / 1_000_000n) / 1000 };
}

function causeText(cause: number): string {
  if (cause < 256) return `code="${CODES.has(cause) ? cause : 'other'}",signal=""`;
  const name = signalName(cause - 256);
  return `code="",signal="${SIGNALS.has(name) ? name : 'other'}"`;
}
