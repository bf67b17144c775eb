// Events of processes, and a table to apply them to, for tests of the model.
import type { ExecEvent, ExitEvent, ForkEvent, ProcessMove, ProcessSnapshot } from '../decode/index.ts';
import type { Identity } from '../identity/index.ts';
import { ProcessTable, type ProcessTableOptions } from './process-table.ts';

export const HOST: Identity = {
  containerId: null,
  podUid: null,
  runtime: null,
  qos: null,
  tags: [],
  unit: null,
  cgroupPath: '/',
  provenance: 'not-a-container',
};
export const CONTAINER: Identity = {
  ...HOST,
  containerId: 'c'.repeat(64),
  podUid: 'p',
  provenance: 'kernel-cgroup',
};
export const UNKNOWN: Identity = { ...HOST, cgroupPath: null, provenance: 'cgroup-unknown' };

/** The agent starts at this time since boot. */
export const STARTED_NS = 1000n;
/** A process that is there before the agent, in no table by itself. */
export const INIT = { pid: 1, startNs: 1n };

/** A table with room for much; its clock stands still when none is given. */
export function makeTable(
  options: Partial<ProcessTableOptions> = {},
  boottimeNs: () => bigint = () => STARTED_NS,
): ProcessTable {
  return new ProcessTable({
    bootId: 'b0075e1f-0000-0000-0000-000000000000',
    clocks: { boottimeNs, realtimeNs: () => boottimeNs() + 1_700_000_000_000_000_000n },
    retentionSeconds: 300,
    maxExited: 1000,
    maxLive: 1000,
    memoryBytes: 10_000_000,
    ...options,
  });
}

function facts(pid: number, startNs: bigint, ktimeNs: bigint) {
  return {
    source: 'ebpf',
    ktimeNs,
    pid,
    startNs,
    parentPid: 1,
    parentStartNs: 1n,
    uid: 0,
    gid: 0,
    euid: 0,
    loginuid: 4294967295,
    sessionId: 4294967295,
    capEffective: 0,
    execId: null,
    pidNs: 1,
    mntNs: 1,
    cgroupNs: 1,
    nsPid: pid,
    cgroupId: 1,
    cgroupV1Id: 0,
    comm: 'init',
    kernelThread: false,
  } as const;
}

export function fork(parent: { pid: number; startNs: bigint }, pid: number, startNs: bigint): ForkEvent {
  return {
    ...facts(pid, startNs, startNs),
    type: 'fork',
    comm: 'sh',
    parentPid: parent.pid,
    parentStartNs: parent.startNs,
    forkerPid: parent.pid,
    forkerStartNs: parent.startNs,
  };
}

export function exec(pid: number, startNs: bigint, ktimeNs: bigint, ...argv: string[]): ExecEvent {
  return {
    ...facts(pid, startNs, ktimeNs),
    type: 'exec',
    comm: argv[0]!,
    executable: `/bin/${argv[0]}`,
    argv,
    argc: argv.length,
    argvTruncated: false,
    argvUnreadable: false,
    argvMasked: 0,
    inode: 1,
    device: 1,
    memfd: false,
    deleted: false,
    upperLayer: null,
    interpreter: null,
    fileName: null,
    callerTid: 0,
  };
}

export function exit(pid: number, startNs: bigint, ktimeNs: bigint, exitCode = 0): ExitEvent {
  return {
    ...facts(pid, startNs, ktimeNs),
    type: 'exit',
    exitCode,
    exitSignal: null,
    coreDumped: false,
    cpuNs: 5,
    maxRssBytes: 4096,
    minorFaults: 1,
    majorFaults: 0,
  };
}

export function snapshot(pid: number, startNs: bigint, ktimeNs = 1001n): ProcessSnapshot {
  return { ...facts(pid, startNs, ktimeNs), type: 'snapshot', executable: null, argv: null };
}

export function move(pid: number, startNs: bigint, ktimeNs: bigint): ProcessMove {
  return { ...facts(pid, startNs, ktimeNs), type: 'move' };
}
