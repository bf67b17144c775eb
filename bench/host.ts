// Reads what processes cost, and undoes what the measurements did to the machine, whatever happens.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';

const CLEANUPS: (() => void)[] = [];

/** To be undone at the end, on failure and on a signal as well; last first. Must not throw. */
export function onCleanup(undo: () => void): void {
  CLEANUPS.push(undo);
}

export function cleanUp(): void {
  for (let undo = CLEANUPS.pop(); undo !== undefined; undo = CLEANUPS.pop()) undo();
}

let scratch: string | undefined;

/** A directory for outputs of a run; removed at the end. */
export function scratchDirectory(): string {
  if (scratch === undefined) {
    const directory = mkdtempSync(join(tmpdir(), 'cognitod-bench-'));
    scratch = directory;
    onCleanup(() => {
      scratch = undefined;
      rmSync(directory, { recursive: true, force: true });
    });
  }
  return scratch;
}

/** CPU seconds of all living threads of a process, by the scheduler's clock: /proc/PID/stat has ticks of 10 ms. */
export function cpuSeconds(pid: number): number {
  let ns = 0;
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    ns += Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]);
  }
  return ns / 1e9;
}

export interface Rss {
  readonly total: number;
  /** Not backed by a file: what the process has written. */
  readonly anonymous: number;
}

/** Resident memory in MB (10^6 bytes). */
export function rssMegabytes(pid: number): Rss {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1024) / 1e6;
  return { total: field('VmRSS'), anonymous: field('RssAnon') };
}

koffi.struct('bench_timeval', { tv_sec: 'int64_t', tv_usec: 'int64_t' });
// struct rusage, include/uapi/linux/resource.h: two times and 14 longs.
koffi.struct('bench_rusage', {
  user: 'bench_timeval',
  system: 'bench_timeval',
  rest: koffi.array('int64_t', 14),
});
const getrusage = koffi.load('libc.so.6').func('int getrusage(int who, _Out_ bench_rusage *usage)') as (
  who: number,
  usage: Record<string, { tv_sec: number; tv_usec: number }>,
) => number;
const RUSAGE_CHILDREN = -1;

/** CPU seconds of all children that were waited for, and of theirs. */
export function childrenCpuSeconds(): number {
  const usage: Record<string, { tv_sec: number; tv_usec: number }> = {};
  getrusage(RUSAGE_CHILDREN, usage);
  const seconds = (time: { tv_sec: number; tv_usec: number }) => time.tv_sec + time.tv_usec / 1e6;
  return seconds(usage.user!) + seconds(usage.system!);
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Looks every 20 ms. @throws after `seconds` */
export async function until<T>(what: string, seconds: number, look: () => T | undefined): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(20);
  }
}
