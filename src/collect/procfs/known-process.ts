// What is remembered of a process between two looks, and the events that are made of it.
import type { EventBase, ExecEvent, ExitEvent, ForkEvent, ProcessSnapshot } from '../../decode/index.ts';
import type { ProcFacts } from './facts.ts';
import type { FileIdentity } from './proc-files.ts';
import type { ProcStat } from './stat.ts';

/** What a process runs; `argv` is masked. */
export interface Image {
  readonly executable: string | null;
  readonly memfd: boolean;
  /** Null when it cannot be read: of a zombie, or without permission. */
  readonly argv: readonly string[] | null;
  readonly argvTruncated: boolean;
  readonly argvMasked: number;
}

export const UNKNOWN_IMAGE: Image = {
  executable: null,
  memfd: false,
  argv: null,
  argvTruncated: false,
  argvMasked: 0,
};

export interface KnownProcess {
  readonly pid: number;
  readonly startNs: bigint;
  stat: ProcStat;
  parentStartNs: bigint;
  facts: ProcFacts;
  factsReadNs: bigint;
  cgroupId: number;
  image: Image;
  /** Number of the look that saw it last. */
  seenIn: number;
}

function baseOf(known: KnownProcess, ktimeNs: bigint): EventBase {
  const { stat, facts } = known;
  return {
    source: 'procfs',
    ktimeNs,
    pid: known.pid,
    startNs: known.startNs,
    parentPid: stat.parentPid,
    parentStartNs: known.parentStartNs,
    uid: facts.uid,
    gid: facts.gid,
    euid: facts.euid,
    loginuid: facts.loginuid,
    sessionId: facts.sessionId,
    capEffective: facts.capEffective,
    execId: null,
    pidNs: facts.pidNs,
    mntNs: facts.mntNs,
    cgroupNs: facts.cgroupNs,
    nsPid: facts.nsPid,
    cgroupId: known.cgroupId,
    cgroupV1Id: 0,
    comm: stat.comm,
    kernelThread: stat.kernelThread,
  };
}

export function snapshotOf(known: KnownProcess, ktimeNs: bigint): ProcessSnapshot {
  const { executable, argv } = known.image;
  return { ...baseOf(known, ktimeNs), type: 'snapshot', executable, argv };
}

/** Who called fork cannot be seen: taken to be the parent. */
export function forkOf(known: KnownProcess, parent: KnownProcess | undefined, ktimeNs: bigint): ForkEvent {
  const base = baseOf(known, ktimeNs);
  return {
    ...base,
    type: 'fork',
    // After its exec it has another name than at its fork.
    comm: known.stat.forkedOnly ? base.comm : (parent?.stat.comm ?? base.comm),
    forkerPid: base.parentPid,
    forkerStartNs: base.parentStartNs,
  };
}

export function execOf(known: KnownProcess, file: FileIdentity | null, ktimeNs: bigint): ExecEvent {
  const { executable, memfd, argv, argvTruncated, argvMasked } = known.image;
  return {
    ...baseOf(known, ktimeNs),
    type: 'exec',
    executable: executable ?? argv?.[0] ?? known.stat.comm,
    argv: argv ?? [],
    argc: argv?.length ?? 0,
    argvTruncated,
    argvUnreadable: argv === null,
    argvMasked,
    inode: file?.inode ?? 0,
    device: file?.device ?? 0,
    memfd,
    deleted: file?.deleted ?? false,
    upperLayer: null,
    interpreter: null,
    fileName: null,
    callerTid: 0,
  };
}

/** `status` as wait(2) gives it; null when it was not shown. Times, memory and faults are those of the last look. */
export function exitOf(known: KnownProcess, status: number | null, ktimeNs: bigint): ExitEvent {
  const signal = (status ?? 0) & 0x7f;
  return {
    ...baseOf(known, ktimeNs),
    type: 'exit',
    exitCode: status === null || signal !== 0 ? null : (status >> 8) & 0xff,
    exitSignal: signal === 0 ? null : signal,
    coreDumped: ((status ?? 0) & 0x80) !== 0,
    cpuNs: known.stat.cpuNs,
    maxRssBytes: known.facts.maxRssBytes,
    minorFaults: known.stat.minorFaults,
    majorFaults: known.stat.majorFaults,
  };
}
