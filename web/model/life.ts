// The life of a process in the order of time: fork, execs, children, exit.
import type { EventJson, ProcessJson } from '../../src/api/index.ts';
import { durationText, exitText, harmless, nanosOf, spanText, timeOfNanos } from '../ui/figures.ts';
import { shortCommand } from './live-list.ts';

export interface Moment {
  readonly kind: 'start' | 'exec' | 'child' | 'exit';
  readonly time: string;
  /** Harmless. */
  readonly text: string;
  /** Of the process that it is about, when that is another one. */
  readonly processId: string | null;
  /** From 0, the start, to 1, the end or now. */
  readonly place: number;
}

export interface LifeStory {
  readonly start: string;
  readonly end: string;
  readonly running: boolean;
  readonly moments: readonly Moment[];
  /** Moments that are left out. */
  readonly more: number;
}

const MAX_MOMENTS = 200;
const STARTS: Readonly<Record<ProcessJson['born'], string>> = {
  fork: 'forked',
  snapshot: 'started, before the agent did',
  fork_unseen: 'started, unseen',
};

type Child = Pick<
  ProcessJson,
  | 'process_id'
  | 'state'
  | 'start_time'
  | 'exit_time'
  | 'exit_code'
  | 'exit_signal'
  | 'exit_signal_name'
  | 'argv'
  | 'comm'
  | 'kernel_thread'
>;

/** `children` run or have ended; `seen` are events of it and of its children, for what came and went since. */
export function lifeOf(
  process: ProcessJson,
  children: readonly Child[],
  seen: readonly EventJson[],
  now: string,
): LifeStory {
  const end = process.exit_time ?? now;
  const start = nanosOf(process.start_time);
  const span = Number(nanosOf(end) - start) || 1;
  const moments: Moment[] = [];
  const add = (kind: Moment['kind'], time: string, text: string, processId: string | null = null) => {
    const place = Math.min(1, Math.max(0, Number(nanosOf(time) - start) / span));
    moments.push({ kind, time, text, processId, place });
  };
  add('start', process.start_time, STARTS[process.born]);
  for (const image of process.images ?? []) {
    if (image.since === null || image.source === 'inherited' || image.source === 'snapshot') continue;
    add('exec', image.since, shortCommand({ ...image, kernel_thread: false }));
  }
  for (const { id, time, text } of childrenOf(process.process_id, children, seen))
    add('child', time, text, id);
  if (process.exit_time !== null)
    add(
      'exit',
      process.exit_time,
      exitText(process.exit_code, process.exit_signal_name ?? process.exit_signal),
    );
  moments.sort((a, b) =>
    nanosOf(a.time) < nanosOf(b.time) ? -1 : nanosOf(a.time) > nanosOf(b.time) ? 1 : 0,
  );
  const kept = shorten(moments);
  return {
    start: process.start_time,
    end,
    running: process.state === 'running',
    moments: kept,
    more: moments.length - kept.length,
  };
}

interface ChildLife {
  readonly id: string;
  readonly time: string;
  readonly text: string;
}

/** When they began, what they were, how they ended. */
function childrenOf(id: string, children: readonly Child[], seen: readonly EventJson[]): ChildLife[] {
  const lives = new Map<string, ChildLife>();
  for (const child of children) lives.set(child.process_id, childLife(child));
  const ended = new Set(children.filter(hasEnded).map((child) => child.process_id));
  for (const event of seen) {
    if (event.process_id === id || ended.has(event.process_id)) continue;
    const known = lives.get(event.process_id);
    const time = known?.time ?? startOf(event);
    // A fork has the command of the parent; whoever was not seen until its end told at the end what it was.
    const isNamed = event.type === 'exec' || (event.type === 'exit' && known === undefined);
    const name = isNamed ? shortCommand(event) : (known?.text ?? harmless(event.comm));
    const text = event.type === 'exit' ? `${name}: ${endOf(event)}` : name;
    lives.set(event.process_id, { id: event.process_id, time, text });
  }
  return [...lives.values()];
}

const hasEnded = ({ state }: Child): boolean => state !== 'running';

function childLife(child: Child): ChildLife {
  const { process_id: id, start_time: time, exit_time: end } = child;
  const name = shortCommand(child);
  if (!hasEnded(child)) return { id, time, text: name };
  const how = harmless(exitText(child.exit_code, child.exit_signal_name ?? child.exit_signal));
  return { id, time, text: `${name}: ${how}${end === null ? '' : ` after ${spanText(time, end)}`}` };
}

/** When the process of an event began, as far as the event tells. */
function startOf({ time, lifetime_ns: lifetime }: EventJson): string {
  return lifetime === undefined ? time : timeOfNanos(nanosOf(time) - BigInt(lifetime));
}

function endOf(event: EventJson): string {
  const how = harmless(exitText(event.exit_code, event.exit_signal_name ?? event.exit_signal));
  return event.lifetime_ns === undefined ? how : `${how} after ${durationText(event.lifetime_ns / 1e9)}`;
}

/** The beginning and the end say most. */
function shorten(moments: Moment[]): Moment[] {
  if (moments.length <= MAX_MOMENTS) return moments;
  return [...moments.slice(0, MAX_MOMENTS / 2), ...moments.slice(-MAX_MOMENTS / 2)];
}
