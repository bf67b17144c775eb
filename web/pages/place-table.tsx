// Pods, containers and services by what they do, the busiest first.
import type { JSX } from 'preact';
import { useSignal } from '@preact/signals';
import type { PlaceActivityJson } from '../../src/api/index.ts';
import { bytesText, countText, harmless, rateText } from '../ui/figures.ts';
import { formatRoute } from '../ui/route.ts';
import { Empty } from '../ui/states.tsx';

type SortKey = 'activity' | 'running' | 'failed' | 'cpu' | 'memory';

const SORTS: Readonly<Record<SortKey, (place: PlaceActivityJson) => number>> = {
  activity: ({ fork_rate, exec_rate, exit_rate }) => fork_rate + exec_rate + exit_rate,
  running: ({ running }) => running,
  failed: ({ failed_exits, killed_exits }) => failed_exits + killed_exits,
  cpu: ({ usage }) => usage?.cpu_percent ?? -1,
  memory: ({ usage }) => usage?.rss_bytes ?? -1,
};

export function PlaceTable({
  places,
  total,
}: {
  places: readonly PlaceActivityJson[];
  total: number;
}): JSX.Element {
  const by = useSignal<SortKey>('activity');
  const value = SORTS[by.value];
  const rows = [...places].sort((a, b) => value(b) - value(a));
  const most = Math.max(1, ...places.map(SORTS.activity));
  const header = (key: SortKey, title: string) => (
    <th scope="col" class="figures" aria-sort={by.value === key ? 'descending' : undefined}>
      <button type="button" class="sort" onClick={() => (by.value = key)}>
        {title}
        <span aria-hidden="true">{by.value === key ? ' ↓' : ''}</span>
      </button>
    </th>
  );
  return (
    <section class="card" aria-labelledby="places-title">
      <div class="card-head">
        <h2 id="places-title">Pods and services by activity</h2>
        <span class="muted">
          {total > places.length
            ? `the first ${countText(places.length)} of ${countText(total)}`
            : countText(total)}
        </span>
      </div>
      {rows.length === 0 ? (
        <Empty title="No activity yet" />
      ) : (
        <table class="places">
          <thead>
            <tr>
              <th scope="col">Where</th>
              {header('activity', 'Events/s')}
              {header('running', 'Processes')}
              {header('failed', 'Failed')}
              {header('cpu', 'CPU')}
              {header('memory', 'Memory')}
            </tr>
          </thead>
          <tbody>
            {rows.map((place) => (
              <PlaceRow key={keyOf(place)} place={place} most={most} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function PlaceRow({ place, most }: { place: PlaceActivityJson; most: number }): JSX.Element {
  const { name, inside } = namesOf(place);
  const activity = SORTS.activity(place);
  const failed = place.failed_exits + place.killed_exits;
  const { usage } = place;
  return (
    <tr>
      <th scope="row">
        {place.place === 'other' ? (
          name
        ) : (
          <a href={formatRoute({ page: 'processes', query: filterOf(place) })}>{name}</a>
        )}
        {inside !== '' && <span class="muted inside">{inside}</span>}
      </th>
      <td class="figures">
        <span class="bar" aria-hidden="true">
          <span style={{ inlineSize: `${Math.min(100, (activity / most) * 100)}%` }} />
        </span>
        <span class="rate">{rateText(activity)}</span>
      </td>
      <td class="figures">{countText(place.running)}</td>
      <td class="figures">{failed === 0 ? <span class="muted">0</span> : countText(failed)}</td>
      <td class="figures">{usage?.cpu_percent == null ? '–' : `${usage.cpu_percent.toFixed(1)} %`}</td>
      <td class="figures">{usage == null ? '–' : bytesText(usage.rss_bytes)}</td>
    </tr>
  );
}

function keyOf({ place, pod_uid, unit, containers }: PlaceActivityJson): string {
  return [place, pod_uid, unit, place === 'container' ? containers[0]?.container_id : ''].join('/');
}

function namesOf(place: PlaceActivityJson): { name: string; inside: string } {
  const { namespace, pod_name, pod_uid, unit, containers, workload_kind, workload_name } = place;
  switch (place.place) {
    case 'pod': {
      const owner = workload_kind === 'Pod' ? null : workload_name;
      const inside = [namespace, owner].filter((part) => part !== null).join(' · ');
      return { name: harmless(pod_name ?? `pod ${pod_uid?.slice(0, 13)}`), inside: harmless(inside) };
    }
    case 'container':
      return {
        name: harmless(
          containers[0]?.container_name ?? containers[0]?.container_id.slice(0, 12) ?? 'container',
        ),
        inside: 'container outside of pods',
      };
    case 'unit':
      return { name: harmless(unit ?? 'service'), inside: 'host service' };
    case 'kernel':
      return { name: 'Kernel threads', inside: '' };
    case 'host':
      return { name: 'Host', inside: 'outside of services' };
    default:
      return { name: 'All others together', inside: 'too many to be counted one by one' };
  }
}

/** What of the processes are in it. */
function filterOf({ place, pod_uid, unit, containers }: PlaceActivityJson): Record<string, string> {
  if (place === 'pod' && pod_uid !== null) return { pod: pod_uid };
  const container = containers[0]?.container_id;
  if (place === 'container' && container !== undefined) return { container };
  if (place === 'unit' && unit !== null) return { q: harmless(unit) };
  return { q: place === 'kernel' ? 'kernel threads' : 'host' };
}
