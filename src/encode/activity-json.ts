// What a place of the node did, as the documents have it: counts, rates and, for live processes, CPU and memory.
import type { PlaceActivityJson, UsageJson } from '../api/index.ts';
import type { Usage } from '../collect/index.ts';
import { withPod } from '../identity/index.ts';
import type { ActivityCounts } from '../model/index.ts';
import type { ActivitySource, Occupied } from './occupied-places.ts';

/** CPU and memory of one process as last read. */
export function usageJson(usage: Usage | null): UsageJson | null {
  if (usage === null) return null;
  return {
    cpu_seconds: usage.cpuNs / 1e9,
    cpu_percent: usage.cpuPercent === null ? null : rounded(usage.cpuPercent),
    rss_bytes: usage.rssBytes,
  };
}

export function placeJson(
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

export function countsJson(counts: ActivityCounts, second: number) {
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

const rounded = (value: number) => Math.round(value * 100) / 100;
