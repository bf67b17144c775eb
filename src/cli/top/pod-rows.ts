// The rows of the pods view: places of the node with their activity.
import type { PlaceActivityJson } from '../../api/index.ts';
import { bytesText, harmless } from '../text.ts';
import type { Column } from './cells.ts';
import type { PodSort, Scope } from './state.ts';

export const POD_COLUMNS: readonly Column<PlaceActivityJson>[] = [
  { title: 'CPU%', align: 'right', width: 6, text: ({ usage }) => percentText(usage?.cpu_percent) },
  { title: 'MEM', align: 'right', width: 9, text: ({ usage }) => memoryText(usage?.rss_bytes) },
  { title: 'PROCS', align: 'right', width: 6, text: ({ running }) => String(running) },
  { title: 'FORK/s', align: 'right', width: 7, text: ({ fork_rate: rate }) => rateText(rate) },
  { title: 'EXEC/s', align: 'right', width: 7, text: ({ exec_rate: rate }) => rateText(rate) },
  { title: 'EXIT/s', align: 'right', width: 7, text: ({ exit_rate: rate }) => rateText(rate) },
  {
    title: 'FAILED',
    align: 'right',
    width: 7,
    text: (place) => String(place.failed_exits + place.killed_exits),
  },
  { title: 'WHERE', width: 20, text: placeName },
];

/** namespace/pod and its workload, a unit, or what is no single place. */
export function placeName(place: PlaceActivityJson): string {
  const { namespace, pod_name: pod, pod_uid: uid, workload_kind: kind, workload_name: workload } = place;
  if (place.place === 'pod') {
    const name = pod === null ? `pod ${uid}` : `${namespace}/${pod}`;
    return harmless(workload === null ? name : `${name}  (${kind}/${workload})`);
  }
  if (place.place === 'container') {
    const [container] = place.containers;
    return harmless(`container ${container?.container_name ?? container?.container_id.slice(0, 12) ?? ''}`);
  }
  if (place.place === 'unit') return harmless(place.unit ?? 'unit');
  return {
    host: 'host, outside of pods and services',
    kernel: 'kernel threads',
    unknown: 'of an unknown cgroup',
    other: 'further places together',
  }[place.place];
}

export function sortPlaces(places: readonly PlaceActivityJson[], sort: PodSort): PlaceActivityJson[] {
  // The agent's order is by activity.
  if (sort === 'activity') return [...places];
  if (sort === 'name') return places.toSorted((a, b) => (placeName(a) < placeName(b) ? -1 : 1));
  const size = {
    cpu: ({ usage }: PlaceActivityJson) => usage?.cpu_percent ?? -1,
    memory: ({ usage }: PlaceActivityJson) => usage?.rss_bytes ?? -1,
    running: ({ running }: PlaceActivityJson) => running,
  }[sort];
  return places.toSorted((a, b) => size(b) - size(a));
}

/** Its processes; null for what cannot be asked for. */
export function scopeOf(place: PlaceActivityJson): Scope | null {
  const title = placeName(place);
  if (place.pod_uid !== null) return { title, query: { pod: place.pod_uid } };
  const [container] = place.containers;
  return place.place === 'container' && container !== undefined
    ? { title, query: { container: container.container_id } }
    : null;
}

export const percentText = (percent: number | null | undefined): string =>
  percent == null ? '-' : percent.toFixed(1);
export const memoryText = (bytes: number | null | undefined): string =>
  bytes == null ? '-' : bytesText(bytes);
const rateText = (rate: number): string => (rate === 0 ? '0' : rate.toFixed(1));
