// What people read of a pod or service: what it did since the agent started.
import type { PlaceActivityJson } from '../api/index.ts';
import { bytesText, countText, durationText, harmless, table } from './text.ts';

export function placeText(place: PlaceActivityJson): string {
  const { usage, workload_kind: kind, workload_name: workload } = place;
  const containers = place.containers.map(({ container_id: id, container_name: name }) =>
    name === null ? id.slice(0, 12) : `${name} (${id.slice(0, 12)})`,
  );
  const rows = [
    ...(place.pod_name === null ? [] : [['pod', `${place.namespace}/${place.pod_name}`]]),
    ...(place.pod_uid === null ? [] : [['pod uid', place.pod_uid]]),
    ...(kind === null || workload === null ? [] : [['workload', `${kind}/${workload}`]]),
    ...(containers.length === 0 ? [] : [['containers', containers.join(', ')]]),
    ['live processes', countText(place.running)],
    ['forks', `${countText(place.forks)}, ${place.fork_rate} per second now`],
    ['execs', `${countText(place.execs)}, ${place.exec_rate} per second now`],
    ['exits', `${countText(place.exits)}, ${place.exit_rate} per second now`],
    ['failed', `${countText(place.failed_exits)} with a code, ${countText(place.killed_exits)} by a signal`],
    ['short-lived', `${countText(place.short_lived)} lived less than a second`],
    ...(usage === null
      ? []
      : [
          ['memory', bytesText(usage.rss_bytes)],
          ['CPU time', `${durationText(usage.cpu_seconds)} of its live processes`],
        ]),
  ];
  return table(rows.map((row) => row.map(harmless)));
}
