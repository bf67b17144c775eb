// Reads what /proc tells about a process. Entries vanish while they are read: every reader answers null then.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type DecodedRecord, decodeText, type ProcessSnapshot, splitArgv } from '../decode/index.ts';

/** USER_HZ is 100 on every architecture that Node supports. */
export const CLOCK_TICK_NS = 10_000_000n;
/** PF_KTHREAD, include/linux/sched.h */
const PF_KTHREAD = 0x00200000;
const UNSET = 4294967295;

export interface ProcStat {
  readonly comm: string;
  /** Exited: a zombie, or about to vanish. */
  readonly dead: boolean;
  readonly parentPid: number;
  readonly kernelThread: boolean;
  readonly startNs: bigint;
  /** Address where the arguments begin: another one after an exec. 0 when the kernel hides it. */
  readonly argStart: string;
  /** As wait(2) gives it; 0 when the kernel hides it. */
  readonly status: number;
}

function read(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

/** /proc/PID/stat, proc_pid_stat(5). The name may hold blanks and parentheses: the last `)` ends it. */
export function readStat(procRoot: string, pid: number): ProcStat | null {
  const bytes = read(`${procRoot}/${pid}/stat`);
  if (bytes === null) return null;
  const open = bytes.indexOf('(');
  const close = bytes.lastIndexOf(')');
  if (open === -1 || close === -1) return null;
  const fields = bytes
    .toString('latin1', close + 2)
    .trimEnd()
    .split(' ');
  // Field N of the manual page is at N - 3 here.
  const start = fields[22 - 3];
  if (start === undefined || !/^\d+$/.test(start)) return null;
  return {
    comm: decodeText(bytes, open + 1, close),
    dead: fields[0] === 'Z' || fields[0] === 'X',
    parentPid: Number(fields[4 - 3]),
    kernelThread: (Number(fields[9 - 3]) & PF_KTHREAD) !== 0,
    startNs: BigInt(start) * CLOCK_TICK_NS,
    argStart: fields[48 - 3] ?? '0',
    status: Number(fields[52 - 3] ?? 0),
  };
}

/** The arguments; null when the process is gone, empty for a kernel thread. */
export function readCmdline(procRoot: string, pid: number): string[] | null {
  const bytes = read(`${procRoot}/${pid}/cmdline`);
  if (bytes === null) return null;
  return splitArgv(bytes, 0, bytes.length, Number.POSITIVE_INFINITY);
}

/** The path of the executable; null without CAP_SYS_PTRACE over the process. */
export function readExecutable(procRoot: string, pid: number): string | null {
  try {
    const link = readlinkSync(`${procRoot}/${pid}/exe`, { encoding: 'buffer' });
    return decodeText(link, 0, link.length);
  } catch {
    return null;
  }
}

/** Far above what a kernel numbers its cgroups with, so that own ids and the kernel's never meet. */
const FIRST_OWN_CGROUP_ID = 2 ** 52;

/** Gives ids of our own to cgroups that are known by the content of /proc/PID/cgroup only. */
export class ProcCgroups {
  readonly #ids = new Map<string, number>();

  /** Delivers the cgroup's record when it is new. Null when the process is gone. */
  idOf(
    procRoot: string,
    pid: number,
    ktimeNs: bigint,
    deliver: (record: DecodedRecord) => void,
  ): number | null {
    const path = read(`${procRoot}/${pid}/cgroup`)?.toString('utf8');
    if (path === undefined) return null;
    let cgroupId = this.#ids.get(path);
    if (cgroupId !== undefined) return cgroupId;
    cgroupId = FIRST_OWN_CGROUP_ID + this.#ids.size;
    this.#ids.set(path, cgroupId);
    deliver({ type: 'cgroup', source: 'procfs', ktimeNs, hierarchyId: 0, cgroupId, path, truncated: false });
    return cgroupId;
  }
}

export function listPids(procRoot: string): number[] {
  return readdirSync(procRoot)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** All facts about a process, as of `ktimeNs`; its cgroup's record is delivered first. Null when it is gone. */
export function readSnapshot(
  procRoot: string,
  pid: number,
  stat: ProcStat,
  parentStartNs: bigint,
  ktimeNs: bigint,
  cgroups: ProcCgroups,
  deliver: (record: DecodedRecord) => void,
): ProcessSnapshot | null {
  const status = read(`${procRoot}/${pid}/status`)?.toString('latin1');
  const cgroupId = cgroups.idOf(procRoot, pid, ktimeNs, deliver);
  if (status === undefined || cgroupId === null) return null;
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.split(/\s+/) ?? [];
  const uids = field('Uid').map(Number);
  const nsPids = field('NSpid').map(Number);
  return {
    type: 'snapshot',
    source: 'procfs',
    ktimeNs,
    pid,
    startNs: stat.startNs,
    parentPid: stat.parentPid,
    parentStartNs,
    uid: uids[0] ?? 0,
    euid: uids[1] ?? 0,
    gid: Number(field('Gid')[0] ?? 0),
    loginuid: readNumber(`${procRoot}/${pid}/loginuid`) ?? UNSET,
    sessionId: readNumber(`${procRoot}/${pid}/sessionid`) ?? UNSET,
    capEffective: Number.parseInt(field('CapEff')[0] ?? '0', 16),
    pidNs: readNamespace(procRoot, pid, 'pid'),
    mntNs: readNamespace(procRoot, pid, 'mnt'),
    cgroupNs: readNamespace(procRoot, pid, 'cgroup'),
    nsPid: nsPids.at(-1) ?? pid,
    cgroupId,
    cgroupV1Id: 0,
    comm: stat.comm,
    kernelThread: stat.kernelThread,
    executable: readExecutable(procRoot, pid),
    argv: readCmdline(procRoot, pid),
  };
}

function readNumber(path: string): number | null {
  const text = read(path)?.toString('latin1').trim();
  return text === undefined || !/^\d+$/.test(text) ? null : Number(text);
}

/** 0 without CAP_SYS_PTRACE over the process. */
function readNamespace(procRoot: string, pid: number, kind: string): number {
  try {
    return Number(/\d+/.exec(readlinkSync(`${procRoot}/${pid}/ns/${kind}`))?.[0] ?? 0);
  } catch {
    return 0;
  }
}
