// What people read of a process: command, age, state, and everything about one.
import type { ProcessJson, ProcessPageJson } from '../api/index.ts';
import { capabilitiesText } from '../lib/capabilities.ts';
import { commandText, harmless, spanText, type Painter, table } from './text.ts';

export function commandOf(
  process: Pick<ProcessJson, 'argv' | 'comm' | 'executable' | 'kernel_thread'>,
): string {
  if (process.kernel_thread) return `[${harmless(process.comm)}]`;
  if (process.argv !== null && process.argv.length > 0) return commandText(process.argv);
  return harmless(process.executable ?? process.comm);
}

export function ageText(process: ProcessJson): string {
  return spanText(process.start_time, process.exit_time ?? new Date().toISOString());
}

export function stateText(
  process: Pick<ProcessJson, 'state' | 'exit_code' | 'exit_signal' | 'exit_signal_name'>,
): string {
  if (process.state !== 'exited') return process.state;
  if (process.exit_signal !== null)
    return harmless(process.exit_signal_name ?? `signal ${process.exit_signal}`);
  return process.exit_code === null ? 'exited' : `exit ${process.exit_code}`;
}

const podName = ({ namespace, pod_name: pod }: ProcessJson) =>
  namespace == null || pod == null ? null : `${namespace}/${pod}`;

/** `name (id)`, or what is known of it. */
const named = (name: string | null | undefined, id: string | null): string | null =>
  name == null ? id : id === null ? name : `${name} (${id})`;

/** What the sources of names say, and who does not. */
function nameRows(process: ProcessJson): string[][] {
  const { workload_kind: kind, workload_name: workload, metadata_provenance: from } = process;
  if (from === undefined) return [];
  const labels = Object.entries(process.pod_labels ?? {}).map(([name, value]) => `${name}=${value}`);
  return [
    ['workload', kind == null || workload == null ? `unknown (${from.workload})` : `${kind}/${workload}`],
    ...(process.image == null ? [] : [['image', process.image]]),
    ...(process.container_restart_count ? [['restarts', String(process.container_restart_count)]] : []),
    ...(labels.length === 0 ? [] : [['labels', labels.join(' ')]]),
    ['names from', `${from.pod} (pod), ${from.container} (container), ${from.workload} (workload)`],
  ];
}

/** What only names say. */
function claimRows({ claim }: ProcessJson): string[][] {
  if (claim === undefined) return [];
  const parts = [
    claim.pod_uid === null ? null : `pod ${claim.pod_uid}`,
    claim.container_id === null ? null : `container ${claim.container_id}`,
  ].filter((part) => part !== null);
  return [['names claim', `${parts.join(', ')} (not believed)`]];
}

/** Everything about a process, for people. */
export function showText(
  process: ProcessJson,
  ancestors: readonly ProcessJson[],
  paint: Painter,
  ended: Pick<ProcessPageJson, 'processes' | 'total'> = { processes: [], total: 0 },
): string {
  const rows: string[][] = [
    ['process id', process.process_id],
    [
      'pid',
      process.ns_pid === null || process.ns_pid === process.pid
        ? String(process.pid)
        : `${process.pid} (${process.ns_pid} in its namespace)`,
    ],
    ['state', stateText(process)],
    [
      'known by',
      {
        fork: 'its fork',
        snapshot: 'the snapshot at the start',
        fork_unseen: 'healing: its fork was not seen',
      }[process.born],
    ],
    [
      'started',
      `${process.start_time} (${ageText(process)}${process.exit_time === null ? ' ago' : ' of life'})`,
    ],
    ...(process.exit_time === null ? [] : [['exited', process.exit_time]]),
    ['user', `uid ${process.uid}, euid ${process.euid}, gid ${process.gid}`],
    ['capabilities', capabilitiesText(process.cap_effective)],
    ['command', commandOf(process)],
    ['executable', process.executable ?? 'unknown'],
    ['container', named(process.container_name, process.container_id) ?? `none (${process.provenance})`],
    ['pod', named(podName(process), process.pod_uid) ?? 'none'],
    ...nameRows(process),
    ...(process.runtime === null ? [] : [['runtime', process.runtime]]),
    ...(process.unit === null ? [] : [['unit', process.unit]]),
    ...(process.user_unit === undefined ? [] : [['unit of the user', process.user_unit]]),
    [
      'cgroup',
      `${process.cgroup_path ?? 'unknown'}${process.cgroup_truncated ? ' (its beginning is cut off)' : ''}`,
    ],
    ['provenance', process.provenance],
    ...claimRows(process),
    ['tags', process.tags.length === 0 ? 'none' : process.tags.join(' ')],
    ['live children', String(process.children)],
  ];
  const images = (process.images ?? []).map((image) => [
    `  ${harmless(image.since ?? 'before the agent')}`,
    commandOf({ ...image, kernel_thread: process.kernel_thread }),
  ]);
  const lineage = ancestors.map((ancestor) => [`  ${ancestor.pid}`, commandOf(ancestor)]);
  return (
    table(rows.map((row) => row.map(harmless))) +
    `\n${paint('bold', 'Images, oldest first')}\n${table(images)}` +
    `\n${paint('bold', 'Started by')}\n${lineage.length === 0 ? '  nobody that is still known\n' : table(lineage)}` +
    endedText(ended, paint)
  );
}

function endedText(
  { processes, total }: Pick<ProcessPageJson, 'processes' | 'total'>,
  paint: Painter,
): string {
  if (processes.length === 0) return '';
  const rows = processes.map((child) => [
    `  ${child.pid}`,
    `${commandOf(child)}: ${stateText(child)} after ${ageText(child)}`,
  ]);
  const more = total > processes.length ? `, ${processes.length} of ${total}` : '';
  return `\n${paint('bold', `Children that ended, newest first${more}`)}\n${table(rows)}`;
}
