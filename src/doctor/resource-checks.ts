// Limits, clock and disk.
import { existsSync, statfsSync } from 'node:fs';
import { type ClockState, readClockState } from '../os/index.ts';
import { findExamined } from './agent-processes.ts';
import { type Check, type Finding, fail, ok, statusOr, warn } from './check.ts';
import { readOr } from './proc.ts';

const LOW_DISK_BYTES = 64 * 1024 * 1024;
/** Connections, streams, the ring, files in /proc. */
const MIN_NOFILE = 1024;
/** Before, BPF memory counted as locked memory of the user (bpf_map_charge_memlock). */
const FIRST_KERNEL_WITHOUT_MEMLOCK = [5, 11] as const;
const STEP_SECONDS = 1;

const limits: Check = {
  id: 'limits',
  title: 'Are there enough descriptors and locked memory?',
  async run(surroundings) {
    const { config, ownProc, kernelRelease } = surroundings;
    const status = statusOr(surroundings);
    const agent = status === null ? null : await findExamined(surroundings, status);
    const text =
      readOr(agent === null ? `${ownProc}/self/limits` : `${config.proc_root}/${agent.pid}/limits`) ?? '';
    const nofile = limitOf(text, 'Max open files');
    const memlock = limitOf(text, 'Max locked memory');
    const told = `${nofile ?? 'an unknown number of'} open files, ${memlock ?? 'unknown'} bytes of locked memory`;
    if (nofile !== null && nofile < MIN_NOFILE)
      return warn(told, `LimitNOFILE=${MIN_NOFILE} or more: clients are refused when it is reached`);
    const [major = 0, minor = 0] = kernelRelease.split('.').map((part) => Number.parseInt(part, 10));
    const [firstMajor, firstMinor] = FIRST_KERNEL_WITHOUT_MEMLOCK;
    if (major > firstMajor || (major === firstMajor && minor >= firstMinor))
      return ok(`${told}, which BPF does not count since Linux 5.11`);
    const neededBytes = config.kernel.ring_bytes * 2;
    if (memlock !== null && memlock < neededBytes)
      return warn(
        `${told}; before Linux 5.11 the ring counts: ${neededBytes} are needed`,
        'LimitMEMLOCK=infinity, CAP_SYS_RESOURCE at the start, or a smaller kernel.ring_bytes',
      );
    return ok(told);
  },
};

/** The soft limit, proc_pid_limits(5); null when it is not there. */
function limitOf(text: string, name: string): number | null {
  const value = new RegExp(`^${name}\\s+(\\S+)`, 'm').exec(text)?.[1];
  if (value === undefined) return null;
  return value === 'unlimited' ? Number.POSITIVE_INFINITY : Number(value);
}

const clock: Check = {
  id: 'clock',
  title: 'Can times be trusted?',
  run: (surroundings) =>
    judgeClock(new Date(), readClockState(), statusOr(surroundings)?.clock_step_seconds ?? null),
};

/** `stepSeconds`: how far the clock was set since the agent's start; null without an agent. */
export function judgeClock(now: Date, state: ClockState | null, stepSeconds: number | null): Finding {
  const told = now.toISOString();
  if (now.getUTCFullYear() < 2025) return fail(`the clock says ${told}`, 'set the clock: events carry it');
  const stepped = stepSeconds === null ? '' : '; not set since the agent started';
  if (stepSeconds !== null && Math.abs(stepSeconds) >= STEP_SECONDS)
    return warn(
      `${told}; the clock was set by ${stepSeconds.toFixed(1)} s since the agent started`,
      'times before and after do not fit together; ktime_ns does',
    );
  if (state === null)
    return ok(`${told}${stepped}; whether it is synchronised the kernel does not tell here`);
  if (!state.synchronized)
    return warn(
      `${told}${stepped}; the kernel's clock is not synchronised`,
      'run chrony or systemd-timesyncd: times of other machines cannot be compared with these',
    );
  return ok(`${told}${stepped}; synchronised, ${(state.maxErrorUs / 1000).toFixed(1)} ms off at most`);
}

const disk: Check = {
  id: 'disk',
  title: 'Is there room for what is kept?',
  run({ config }) {
    const { directory } = config.evidence;
    if (directory === null) return ok('nothing is kept on disk (evidence.directory is not set)');
    if (!existsSync(directory))
      return warn(`${directory} is not there yet`, 'the agent makes it when it may');
    const { bavail, bsize } = statfsSync(directory);
    const free = bavail * bsize;
    const text = `${Math.floor(free / 1024 / 1024)} MiB free at ${directory}`;
    return free >= LOW_DISK_BYTES
      ? ok(text)
      : warn(text, 'make room: records that cannot be written are tried again');
  },
};

export const RESOURCE_CHECKS: readonly Check[] = [limits, clock, disk];
