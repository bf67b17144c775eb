// Parses /proc/PID/stat (proc_pid_stat(5)) without making strings: it is read of every process at every look.
import { decodeText } from '../../decode/index.ts';
import { boottimeOffsetNs } from '../../os/index.ts';

/** USER_HZ is 100 on every architecture that Node supports. */
export const CLOCK_TICK_NS = 10_000_000n;

/** include/linux/sched.h; the same on every kernel since 2.6. */
const PF_WQ_WORKER = 0x00000020;
const PF_FORKNOEXEC = 0x00000040;
const PF_KTHREAD = 0x00200000;

/** TASK_COMM_LEN without the NUL. */
const COMM_BYTES = 15;
const LAST_FIELD = 52;
const BLANK = 0x20;

export interface ProcStat {
  /** As decodeText gives it. */
  readonly comm: string;
  /** The last thread has exited: a zombie, or about to vanish. */
  readonly dead: boolean;
  /** The first thread has exited and others live: the file then shows no image. */
  readonly leaderGone: boolean;
  readonly parentPid: number;
  readonly kernelThread: boolean;
  /** Has never called execve: still the image of its parent. The kernel's own mark, so it is exact. */
  readonly forkedOnly: boolean;
  /** In the node's clock, whatever the time namespace of the agent. */
  readonly startNs: bigint;
  /**
   * Addresses that the kernel chooses at an exec (code, stack, heap) and nothing changes later, setproctitle(3)
   * included. All 0 when the process may not be traced, or has no memory of its own.
   */
  readonly imageCode: number;
  readonly imageStack: number;
  readonly imageHeap: number;
  /** User and system time of all threads; in clock ticks, so a multiple of 10 ms. */
  readonly cpuNs: number;
  /** Resident memory in pages of PAGE_BYTES; 0 of a kernel thread. */
  readonly rssPages: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
  /** As wait(2) gives it. Known of the dead only, and 0 when the process may not be traced. */
  readonly status: number;
}

/** The field at its number in the manual page. One for all calls: nothing is kept in it. */
const fields = new Float64Array(LAST_FIELD + 1);

/** Null when this is no such file. The name may hold blanks, parentheses and newlines: the last `)` ends it. */
export function parseStat(bytes: Uint8Array, length: number): ProcStat | null {
  const open = bytes.indexOf(0x28);
  let close = length - 1;
  while (close > open && bytes[close] !== 0x29) close--;
  if (open < 1 || close <= open || bytes[close + 1] !== BLANK) return null;
  const state = String.fromCharCode(bytes[close + 2] ?? 0);
  if (!/[A-Za-z]/.test(state) || !parseFields(bytes, close + 4, length)) return null;

  const flags = fields[9]!;
  const ended = state === 'Z' || state === 'X';
  const kernelThread = (flags & PF_KTHREAD) !== 0;
  return {
    comm: readComm(bytes, open + 1, close, flags),
    // A leader that ended before its other threads is a zombie too, but its process lives.
    dead: ended && fields[20]! <= 1,
    leaderGone: ended && fields[20]! > 1,
    parentPid: fields[4]!,
    kernelThread,
    forkedOnly: (flags & PF_FORKNOEXEC) !== 0,
    startNs: BigInt(fields[22]!) * CLOCK_TICK_NS - boottimeOffsetNs(),
    // Hidden, the start of the code reads 1.
    imageCode: fields[26]! > 1 ? fields[26]! : 0,
    imageStack: fields[28]!,
    imageHeap: fields[47]!,
    cpuNs: (fields[14]! + fields[15]!) * Number(CLOCK_TICK_NS),
    rssPages: fields[24]!,
    minorFaults: fields[10]!,
    majorFaults: fields[12]!,
    status: fields[52]!,
  };
}

/** From field 4 on. False when there are fewer than 22 numbers: the start time is needed, the rest is newer. */
function parseFields(bytes: Uint8Array, from: number, length: number): boolean {
  fields.fill(0);
  let field = 4;
  let digits = 0;
  for (let at = from; at < length && field <= LAST_FIELD; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x30 && byte <= 0x39) {
      // Addresses and times are below 2^53; of larger values, such as RLIM_INFINITY, none is used.
      fields[field] = fields[field]! * 10 + (byte - 0x30);
      digits++;
    } else if (byte === BLANK) {
      if (digits === 0) return false;
      field++;
      digits = 0;
    } else if (byte === 0x0a) {
      break;
    } else if (byte !== 0x2d) {
      return false;
    }
  }
  return (field > 22 || (field === 22 && digits > 0)) && Number.isSafeInteger(fields[22]);
}

/** Of kernel threads the file shows more than the name: up to 64 bytes, and what a worker works at. */
function readComm(bytes: Uint8Array, start: number, end: number, flags: number): string {
  if ((flags & PF_KTHREAD) === 0) return decodeText(bytes, start, end);
  const name = decodeText(bytes, start, end);
  const worker =
    (flags & PF_WQ_WORKER) !== 0 ? (/^(kworker\/u?\d+:\d+[HI]?)[-+]/.exec(name)?.[1] ?? name) : name;
  return worker.slice(0, COMM_BYTES);
}

/** Neither has execed since the other. Only of use where both may be traced: see `imageShown`. */
export const sameImage = (a: ProcStat, b: ProcStat) =>
  a.forkedOnly === b.forkedOnly &&
  a.imageCode === b.imageCode &&
  a.imageStack === b.imageStack &&
  a.imageHeap === b.imageHeap;

/** The kernel shows the addresses: the process may be traced. */
export const imageShown = (stat: ProcStat) => stat.imageStack !== 0;
