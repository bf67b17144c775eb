// Single processes of a procfs, for those who do not poll: what a snapshot of another source could not tell.
import { type CgroupRecord, NOTHING_MASKED, type ProcessSnapshot } from '../../decode/index.ts';
import type { ProcCgroups } from './cgroups.ts';
import { readDetails, readStatFile } from './details.ts';
import type { ProcFacts } from './facts.ts';
import { readArgv, readImagePath } from './image.ts';
import { snapshotOf } from './known-process.ts';
import { FAILED, MountedProcFiles, pidsOf } from './proc-files.ts';
import type { ProcStat } from './stat.ts';

export interface ProcProcess {
  readonly stat: ProcStat;
  readonly facts: ProcFacts;
  /** Null when the process may not be traced. */
  readonly executable: string | null;
  /** Not masked. Null when the process has exited and not been waited for. */
  readonly argv: readonly string[] | null;
}

let files: { root: string; files: MountedProcFiles } | undefined;

/** The last root is kept: a caller asks for many processes of the same. */
function filesOf(procRoot: string): MountedProcFiles {
  if (files?.root !== procRoot) files = { root: procRoot, files: new MountedProcFiles(procRoot) };
  return files.files;
}

/** All that belongs to one moment of one process; null when it is gone or may not be read. */
export function readProcess(procRoot: string, pid: number): ProcProcess | null {
  const stat = readStat(procRoot, pid);
  const details =
    stat === null
      ? null
      : readDetails(filesOf(procRoot), pid, stat, filesOf(procRoot).bytes.length - 1, () => NOTHING_MASKED);
  if (details === null || typeof details === 'number') return null;
  const { executable, argv } = details.image;
  return { stat: details.stat, facts: details.facts, executable, argv };
}

/** Null when the process is gone or may not be read. Throws when it cannot be read for a reason that is not the process's. */
export function readStat(procRoot: string, pid: number): ProcStat | null {
  const stat = readStatFile(filesOf(procRoot), pid);
  if (typeof stat !== 'number') return stat;
  throwIfFailed(stat, procRoot, pid);
  return null;
}

/** Too many open files, say: who took the process for gone then would be wrong. */
function throwIfFailed(outcome: number, procRoot: string, pid: number): void {
  if (outcome === FAILED) throw new Error(`${procRoot}/${pid} cannot be read: ${filesOf(procRoot).failure}`);
}

/** The arguments, not masked, at most 64 KiB of them; empty for a kernel thread. Null when the process is gone. */
export function readCmdline(procRoot: string, pid: number): string[] | null {
  const from = filesOf(procRoot);
  return readArgv(from, pid, from.bytes.length - 1)?.argv ?? null;
}

/** The path of the executable; null when the process is gone or may not be traced. */
export function readExecutable(procRoot: string, pid: number): string | null {
  return readImagePath(filesOf(procRoot), pid)?.path ?? null;
}

/** Throws when the root cannot be listed. */
export function listPids(procRoot: string): number[] {
  return pidsOf(filesOf(procRoot).names());
}

/**
 * A process as of `ktimeNs`, its arguments not masked; its cgroup's record is delivered first. Null when it is gone. Throws as
 * `readStat` does.
 */
export function readSnapshot(
  procRoot: string,
  pid: number,
  stat: ProcStat,
  parentStartNs: bigint,
  ktimeNs: bigint,
  cgroups: ProcCgroups,
  deliver: (record: CgroupRecord) => void,
): ProcessSnapshot | null {
  const details = readDetails(
    filesOf(procRoot),
    pid,
    stat,
    filesOf(procRoot).bytes.length - 1,
    () => NOTHING_MASKED,
  );
  if (typeof details === 'number') {
    throwIfFailed(details, procRoot, pid);
    return null;
  }
  const cgroupId = cgroups.idOf(details.facts.cgroup, ktimeNs, deliver);
  return snapshotOf(
    {
      ...details,
      pid,
      startNs: stat.startNs,
      parentStartNs,
      cgroupId,
      factsReadNs: ktimeNs,
      seenIn: 0,
    },
    ktimeNs,
  );
}
