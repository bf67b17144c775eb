// Answers what the pods of the node do: counts, rates and, for live processes, CPU and memory.
import {
  type ActivityJson,
  type ActivityQuery,
  type PlaceActivityJson,
  SCHEMA_VERSION,
  type UsageJson,
} from '../api/index.ts';
import type { Usage } from '../collect/index.ts';
import { withPod } from '../identity/index.ts';
import {
  type ActivityBook,
  type ActivityCounts,
  HISTORY_SECONDS,
  type ModelView,
  type Place,
  type Process,
} from '../model/index.ts';
import { placeFilter } from './place-filter.ts';

/** Reads CPU and memory of live processes. */
export interface UsageView {
  refresh(processes: Iterable<Process>): Promise<void>;
  of(process: Process): Usage | null;
}

export interface ActivitySource {
  readonly model: ModelView;
  readonly activity: ActivityBook;
  readonly usage: UsageView;
}

/** A place with what lives in it now. */
export interface Occupied {
  readonly place: Place;
  readonly live: readonly Process[];
}

/** Places by activity, the busiest first: by events of the last ten seconds, then by events ever. */
export async function activityJson(source: ActivitySource, query: ActivityQuery): Promise<ActivityJson> {
  const { model, activity, usage } = source;
  await usage.refresh(model.running());
  const second = activity.tick();
  const isPlace = placeFilter(query);
  const places = occupiedPlaces(source)
    .filter(
      ({ place: { identity }, live }) =>
        isPlace === null ||
        (identity !== null && isPlace(identity, model.metadataOf({ identity }))) ||
        live.some((process) => isPlace(process.identity, model.metadataOf(process))),
    )
    .map((place) => placeJson(place, second, source))
    .sort((a, b) => recent(b) - recent(a) || total(b) - total(a) || b.running - a.running);
  const from = Math.floor(Date.now() / 1000) - HISTORY_SECONDS;
  const history = (type: 'fork' | 'exec' | 'exit') => activity.node.history(type, second);
  return {
    schema_version: SCHEMA_VERSION,
    time: new Date().toISOString(),
    node: { running: model.runningCount, ...countsJson(activity.node, second) },
    history: { from, forks: history('fork'), execs: history('exec'), exits: history('exit') },
    places: places.slice(0, query.limit),
    total: places.length,
  };
}

/** CPU and memory of one process as last read. */
export function usageJson(usage: Usage | null): UsageJson | null {
  if (usage === null) return null;
  return {
    cpu_seconds: usage.cpuNs / 1e9,
    cpu_percent: usage.cpuPercent === null ? null : rounded(usage.cpuPercent),
    rss_bytes: usage.rssBytes,
  };
}

/** All places that have had an event or have a live process. */
export function occupiedPlaces({ model, activity }: Pick<ActivitySource, 'model' | 'activity'>): Occupied[] {
  const live = Map.groupBy(model.running(), ({ identity, kernelThread }) =>
    activity.placeOf(identity, kernelThread),
  );
  return activity
    .places()
    .map((place) => ({ place, live: live.get(place) ?? [] }))
    .filter(
      ({ place: { counts }, live }) => live.length > 0 || counts.forks + counts.execs + counts.exits > 0,
    );
}

function placeJson(
  { place: { kind, identity, counts }, live }: Occupied,
  second: number,
  { model, usage }: ActivitySource,
): PlaceActivityJson {
  const metadata = identity === null ? null : model.metadataOf({ identity });
  const containers = new Map<string, string | null>();
  for (const process of live) {
    const { containerId, provenance } = process.identity;
    if (containerId !== null && provenance !== 'claimed' && !containers.has(containerId))
      containers.set(containerId, model.metadataOf(process)?.containerName ?? null);
  }
  return {
    place: kind,
    namespace: metadata?.namespace ?? null,
    pod_name: metadata?.podName ?? null,
    pod_uid: identity === null ? null : withPod(identity, metadata).podUid,
    workload_kind: metadata?.workload?.kind ?? null,
    workload_name: metadata?.workload?.name ?? null,
    unit: identity?.unit ?? null,
    containers: [...containers].map(([container_id, container_name]) => ({ container_id, container_name })),
    running: live.length,
    ...countsJson(counts, second),
    usage: sumOfUsage(live.map((process) => usage.of(process))),
  };
}

function countsJson(counts: ActivityCounts, second: number) {
  return {
    forks: counts.forks,
    execs: counts.execs,
    exits: counts.exits,
    failed_exits: counts.failed,
    killed_exits: counts.killed,
    short_lived: counts.shortLived,
    fork_rate: rounded(counts.rate('fork', second)),
    exec_rate: rounded(counts.rate('exec', second)),
    exit_rate: rounded(counts.rate('exit', second)),
  };
}

/** Null when none could be read. */
function sumOfUsage(usages: readonly (Usage | null)[]): UsageJson | null {
  const known = usages.filter((usage) => usage !== null);
  if (known.length === 0) return null;
  const sum = (value: (usage: Usage) => number) => known.reduce((total, usage) => total + value(usage), 0);
  const timed = known.some(({ cpuPercent }) => cpuPercent !== null);
  return {
    cpu_seconds: rounded(sum(({ cpuNs }) => cpuNs) / 1e9),
    cpu_percent: timed ? rounded(sum(({ cpuPercent }) => cpuPercent ?? 0)) : null,
    rss_bytes: sum(({ rssBytes }) => rssBytes),
  };
}

const recent = (place: PlaceActivityJson) => place.fork_rate + place.exec_rate + place.exit_rate;
const total = (place: PlaceActivityJson) => place.forks + place.execs + place.exits;
const rounded = (value: number) => Math.round(value * 100) / 100;
