// The life of a process in the order of time: fork, execs, children, exit.
import type { EventJson, ProcessJson } from '../../src/api/index.ts';
import { durationText, exitText, harmless, nanosOf } from '../ui/figures.ts';
import { shortCommand } from './process-book.ts';

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

type Child = Pick<ProcessJson, 'process_id' | 'start_time' | 'argv' | 'comm' | 'kernel_thread'>;

/** `seen` are events of it and of its children, for children that are gone again. */
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
    add('exit', process.exit_time, exitText(process.exit_code, process.exit_signal));
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

/** Those that run, and those that came or went while somebody looked: when they began, what they were, how they ended. */
function childrenOf(id: string, children: readonly Child[], seen: readonly EventJson[]): ChildLife[] {
  const lives = new Map<string, ChildLife>();
  for (const child of children)
    lives.set(child.process_id, { id: child.process_id, time: child.start_time, text: shortCommand(child) });
  for (const event of seen) {
    if (event.process_id === id) continue;
    const known = lives.get(event.process_id);
    const time = known?.time ?? event.time;
    const name = event.type === 'exec' ? shortCommand(event) : (known?.text ?? harmless(event.comm));
    const text = event.type === 'exit' ? `${name}: ${endOf(event)}` : name;
    lives.set(event.process_id, { id: event.process_id, time, text });
  }
  return [...lives.values()];
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
