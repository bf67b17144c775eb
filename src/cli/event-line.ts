// One event as one aligned line for people; used by `stream` and by the agent in the foreground.
import type { EventJson, GapJson } from '../api/index.ts';
import { commandText, cut, durationText, harmless, type Painter } from './text.ts';

const PLACE_WIDTH = 21;

type PlaceFields = Pick<EventJson, 'container_id' | 'pod_uid' | 'unit' | 'pod_name' | 'container_name'> &
  Partial<Pick<EventJson, 'provenance'>>;

/** Where a process runs, in a few characters: pod, container, unit, or nothing for the host. */
export function placeText(event: PlaceFields): string {
  const { pod_name: pod, container_name: container } = event;
  // Only a name says which container it is.
  if (event.provenance === 'claimed') return event.unit === null ? '-' : harmless(event.unit);
  if (pod != null) return harmless(container == null ? pod : `${pod}/${container}`);
  if (container != null) return harmless(container);
  if (event.container_id !== null) {
    const container = harmless(event.container_id.slice(0, 12));
    return event.pod_uid === null ? container : `${harmless(event.pod_uid.slice(0, 8))}/${container}`;
  }
  if (event.pod_uid !== null) return harmless(event.pod_uid.slice(0, 8));
  return event.unit === null ? '-' : harmless(event.unit);
}

type ExitFields = Pick<EventJson, 'exit_code' | 'exit_signal' | 'exit_signal_name' | 'core_dumped'>;

export function exitText(event: ExitFields): string {
  const { exit_code: code = null, exit_signal: signal = null, exit_signal_name: name = null } = event;
  if (signal === null) return code === null ? 'exit status unknown' : `exit ${code}`;
  const core = event.core_dumped === true ? ' (core dumped)' : '';
  return `killed by ${name === null ? `signal ${signal}` : harmless(name)}${core}`;
}

export const EVENT_HEADER = [
  'TIME'.padEnd(12),
  'EVENT',
  'PID'.padStart(7),
  'PPID'.padStart(7),
  'UID'.padStart(5),
  'WHERE'.padEnd(PLACE_WIDTH),
  'COMMAND',
].join(' ');

/** Without a newline. Local time of day with milliseconds. */
export function formatEventLine(event: EventJson, paint: Painter): string {
  const parts = [
    localTime(event.time),
    event.type.padEnd(5),
    String(event.pid).padStart(7),
    String(event.ppid).padStart(7),
    String(event.uid).padStart(5),
    cut(placeText(event), PLACE_WIDTH).padEnd(PLACE_WIDTH),
  ];
  const front = harmless(parts.join(' '));
  switch (event.type) {
    case 'exec': {
      const command = event.argv?.length ? commandText(event.argv) : harmless(event.executable ?? event.comm);
      const marks = execMarks(event);
      return `${paint('green', front)} ${paint('bold', command)}${marks === '' ? '' : paint('yellow', ` ${marks}`)}`;
    }
    case 'exit': {
      const failed = (event.exit_signal ?? 0) !== 0 || (event.exit_code ?? 0) !== 0;
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
  const { argv, executable } = event;
  // argv[0] is the process's own choice: what really runs must be seen. (Of a script it is among the arguments.)
  if (
    argv?.length &&
    executable !== null &&
    nameOf(argv[0]!) !== nameOf(executable) &&
    !argv.includes(executable)
  )
    marks.push(`runs ${harmless(executable)}`);
  if (event.file_name !== undefined) marks.push(`is ${harmless(event.file_name)}`);
  if (event.memfd) marks.push('memfd');
  else if (event.deleted) marks.push('deleted');
  if (event.upper_layer) marks.push('not from the image');
  if (event.argv_truncated) marks.push('truncated');
  if (event.argv_unreadable) marks.push('argv unreadable');
  return marks.length === 0 ? '' : `[${marks.join(', ')}]`;
}

/** Last part of a path; login shells have a hyphen before theirs. */
function nameOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.startsWith('-') ? name.slice(1) : name;
}

const GAP_REASONS: Readonly<Record<GapJson['reason'], string>> = {
  'slow-client': 'this client was too slow',
  'buffer-expired': 'they are no longer kept',
  'other-run': 'the agent was restarted',
};

export function formatGapLine(gap: GapJson, paint: Painter): string {
  const missing =
    gap.lost === null
      ? 'events may be missing here, nobody can say how many'
      : `${gap.lost} events are missing here`;
  const text = `!! ${localTime(gap.time)} ${missing}: ${GAP_REASONS[gap.reason]}`;
  return paint(['bold', 'red'], harmless(text));
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
