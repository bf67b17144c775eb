// One event as one aligned line for people; used by `stream` and by the agent in the foreground.
import type { EventJson, GapJson } from '../api/index.ts';
import { commandText, durationText, harmless, type Painter } from './text.ts';

/** Where a process runs, in a few characters: pod, container, unit, or nothing for the host. */
export function placeText(event: Pick<EventJson, 'container_id' | 'pod_uid' | 'unit'>): string {
  if (event.container_id !== null) {
    const container = harmless(event.container_id.slice(0, 12));
    return event.pod_uid === null ? container : `${harmless(event.pod_uid.slice(0, 8))}/${container}`;
  }
  if (event.pod_uid !== null) return harmless(event.pod_uid.slice(0, 8));
  return event.unit === null ? '-' : harmless(event.unit);
}

export function exitText(event: Pick<EventJson, 'exit_code' | 'exit_signal_name' | 'core_dumped'>): string {
  const core = event.core_dumped === true ? ' (core dumped)' : '';
  if (event.exit_signal_name) return `killed by ${event.exit_signal_name}${core}`;
  return event.exit_code === null || event.exit_code === undefined
    ? 'exit status unknown'
    : `exit ${event.exit_code}`;
}

export const EVENT_HEADER = [
  'TIME'.padEnd(12),
  'EVENT',
  'PID'.padStart(7),
  'PPID'.padStart(7),
  'UID'.padStart(5),
  'WHERE'.padEnd(21),
  'COMMAND',
].join(' ');

/** Without a newline. Local time of day with milliseconds. */
export function formatEventLine(event: EventJson, paint: Painter): string {
  const front = [
    localTime(event.time),
    event.type.padEnd(5),
    String(event.pid).padStart(7),
    String(event.ppid).padStart(7),
    String(event.uid).padStart(5),
    placeText(event).padEnd(21),
  ].join(' ');
  switch (event.type) {
    case 'exec': {
      const command =
        event.argv === null ? harmless(event.executable ?? event.comm) : commandText(event.argv);
      const marks = execMarks(event);
      return `${paint('green', front)} ${paint('bold', command)}${marks === '' ? '' : paint('yellow', ` ${marks}`)}`;
    }
    case 'exit': {
      const failed = event.exit_signal_name || (event.exit_code ?? 0) !== 0;
      const lifetime =
        event.lifetime_ns === undefined ? '' : ` after ${durationText(event.lifetime_ns / 1e9)}`;
      const text = `${harmless(event.comm)}: ${exitText(event)}${lifetime}`;
      return `${paint('dim', front)} ${failed ? paint('red', text) : paint('dim', text)}`;
    }
    default:
      return paint('dim', `${front} ${harmless(event.comm)}`);
  }
}

function execMarks(event: EventJson): string {
  const marks: string[] = [];
  if (event.memfd) marks.push('memfd');
  else if (event.deleted) marks.push('deleted');
  if (event.upper_layer) marks.push('not from the image');
  if (event.argv_truncated) marks.push('truncated');
  if (event.argv_unreadable) marks.push('argv unreadable');
  return marks.length === 0 ? '' : `[${marks.join(', ')}]`;
}

export function formatGapLine(gap: GapJson, paint: Painter): string {
  const reason = gap.reason === 'slow-client' ? 'this client was too slow' : 'they are no longer kept';
  return paint(['bold', 'red'], `!! ${gap.lost} events are missing here: ${reason}`);
}

let cachedSecond = '';
let cachedLocal = '';

function localTime(time: string): string {
  const second = time.slice(0, 19);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedLocal = new Date(`${second}Z`).toTimeString().slice(0, 8);
  }
  return `${cachedLocal}${time.slice(19, 23)}`;
}
