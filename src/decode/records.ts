// The events of the kernel programs as classes: one shape per kind, filled straight from the ring's memory.
import type { RingMemory } from '../kernel/index.ts';
import { PAGE_BYTES } from '../os/index.ts';
import type { EventBase, ExecEvent, ExitEvent, ForkEvent, PlainKind, ProcessSnapshot } from './event.ts';
import * as L from './generated/layout.ts';
import type { Masking } from './secrets/secrets.ts';

const TWO_TO_32 = 4294967296;
/** Bits of a wait(2) status. */
const SIGNAL_MASK = 0x7f;
const CORE_DUMPED = 0x80;

/** Exact below 2^53, which cgroup ids, capability sets, CPU times and counts stay under. */
export function readU64(words: Uint32Array, word: number): number {
  return words[word]! + words[word + 1]! * TWO_TO_32;
}

/** struct process_facts, at the same place in every kind of record (checkLayout asserts it). */
class FactsRecord implements EventBase {
  declare readonly source: 'ebpf';
  declare readonly ktimeNs: bigint;
  declare readonly pid: number;
  declare readonly startNs: bigint;
  declare readonly parentPid: number;
  declare readonly parentStartNs: bigint;
  declare readonly uid: number;
  declare readonly gid: number;
  declare readonly euid: number;
  declare readonly loginuid: number;
  declare readonly sessionId: number;
  declare readonly capEffective: number;
  declare readonly execId: number;
  declare readonly pidNs: number;
  declare readonly mntNs: number;
  declare readonly cgroupNs: number;
  declare readonly nsPid: number;
  declare readonly cgroupId: number;
  declare readonly cgroupV1Id: number;
  declare readonly comm: string;
  declare readonly kernelThread: boolean;

  constructor(memory: RingMemory, offset: number, comm: string) {
    const { words, longs } = memory;
    const word = offset >>> 2;
    const long = offset >>> 3;
    this.source = 'ebpf';
    this.ktimeNs = longs[long + (L.FORK_HEADER_KTIME_NS >>> 3)]!;
    this.pid = words[word + (L.FORK_PROCESS_PID >>> 2)]!;
    this.startNs = longs[long + (L.FORK_PROCESS_START_NS >>> 3)]!;
    this.parentPid = words[word + (L.FORK_PROCESS_PARENT_PID >>> 2)]!;
    this.parentStartNs = longs[long + (L.FORK_PROCESS_PARENT_START_NS >>> 3)]!;
    this.uid = words[word + (L.FORK_PROCESS_UID >>> 2)]!;
    this.gid = words[word + (L.FORK_PROCESS_GID >>> 2)]!;
    this.euid = words[word + (L.FORK_PROCESS_EUID >>> 2)]!;
    this.loginuid = words[word + (L.FORK_PROCESS_LOGINUID >>> 2)]!;
    this.sessionId = words[word + (L.FORK_PROCESS_SESSION_ID >>> 2)]!;
    this.capEffective = readU64(words, word + (L.FORK_PROCESS_CAP_EFFECTIVE >>> 2));
    this.execId = readU64(words, word + (L.FORK_PROCESS_EXEC_ID >>> 2));
    this.pidNs = words[word + (L.FORK_PROCESS_PID_NS >>> 2)]!;
    this.mntNs = words[word + (L.FORK_PROCESS_MNT_NS >>> 2)]!;
    this.cgroupNs = words[word + (L.FORK_PROCESS_CGROUP_NS >>> 2)]!;
    this.nsPid = words[word + (L.FORK_PROCESS_NS_PID >>> 2)]!;
    this.cgroupId = readU64(words, word + (L.FORK_PROCESS_CGROUP_ID >>> 2));
    this.cgroupV1Id = readU64(words, word + (L.FORK_PROCESS_CGROUP_V1_ID >>> 2));
    this.comm = comm;
    this.kernelThread = (words[word + (L.FORK_PROCESS_FLAGS >>> 2)]! & L.PROCESS_KERNEL_THREAD) !== 0;
  }
}

export class ForkRecord extends FactsRecord implements ForkEvent {
  declare readonly type: 'fork';
  declare readonly forkerPid: number;
  declare readonly forkerStartNs: bigint;

  constructor(memory: RingMemory, offset: number, comm: string) {
    super(memory, offset, comm);
    this.type = 'fork';
    this.forkerPid = memory.words[(offset + L.FORK_FORKER_PID) >>> 2]!;
    this.forkerStartNs = memory.longs[(offset + L.FORK_FORKER_START_NS) >>> 3]!;
  }
}

/** What was executed: by the name that was given, and by the file's own where none was. */
interface ExecFile {
  readonly executable: string;
  readonly fileName: string | null;
}

export class ExecRecord extends FactsRecord implements ExecEvent {
  declare readonly type: 'exec';
  declare readonly executable: string;
  declare readonly argv: readonly string[];
  declare readonly argc: number;
  declare readonly argvTruncated: boolean;
  declare readonly argvUnreadable: boolean;
  declare readonly argvMasked: number;
  declare readonly inode: number;
  declare readonly device: number;
  declare readonly memfd: boolean;
  declare readonly deleted: boolean;
  declare readonly upperLayer: boolean | null;
  declare readonly interpreter: string | null;
  declare readonly fileName: string | null;
  declare readonly callerTid: number;

  constructor(
    memory: RingMemory,
    offset: number,
    comm: string,
    { executable, fileName }: ExecFile,
    argv: readonly string[],
    { masked, cut }: Masking,
  ) {
    super(memory, offset, comm);
    const { words } = memory;
    const flags = words[(offset + L.EXEC_FLAGS) >>> 2]!;
    this.type = 'exec';
    this.executable = executable;
    this.argv = argv;
    this.argc = words[(offset + L.EXEC_ARGC) >>> 2]!;
    this.argvTruncated = (flags & L.EXEC_ARGV_TRUNCATED) !== 0 || cut;
    this.argvUnreadable = (flags & L.EXEC_ARGV_UNREADABLE) !== 0;
    this.argvMasked = masked;
    this.inode = readU64(words, (offset + L.EXEC_INODE) >>> 2);
    this.device = words[(offset + L.EXEC_DEVICE) >>> 2]!;
    this.memfd = (flags & L.EXEC_MEMFD) !== 0;
    this.deleted = (flags & L.EXEC_DELETED) !== 0;
    this.upperLayer = (flags & L.EXEC_ON_OVERLAY) === 0 ? null : (flags & L.EXEC_UPPER_LAYER) !== 0;
    this.interpreter = (flags & L.EXEC_INTERPRETED) === 0 ? null : (argv[0] ?? null);
    this.fileName = fileName;
    this.callerTid = words[(offset + L.EXEC_CALLER_TID) >>> 2]!;
  }
}

export class ExitRecord extends FactsRecord implements ExitEvent {
  declare readonly type: 'exit';
  declare readonly exitCode: number | null;
  declare readonly exitSignal: number | null;
  declare readonly coreDumped: boolean;
  declare readonly cpuNs: number;
  declare readonly maxRssBytes: number;
  declare readonly minorFaults: number;
  declare readonly majorFaults: number;

  constructor(memory: RingMemory, offset: number, comm: string) {
    super(memory, offset, comm);
    const { words } = memory;
    const status = words[(offset + L.EXIT_STATUS) >>> 2]!;
    const signal = status & SIGNAL_MASK;
    this.type = 'exit';
    this.exitCode = signal === 0 ? (status >>> 8) & 0xff : null;
    this.exitSignal = signal === 0 ? null : signal;
    this.coreDumped = (status & CORE_DUMPED) !== 0;
    this.cpuNs = readU64(words, (offset + L.EXIT_CPU_NS) >>> 2);
    this.maxRssBytes = readU64(words, (offset + L.EXIT_MAX_RSS_PAGES) >>> 2) * PAGE_BYTES;
    this.minorFaults = readU64(words, (offset + L.EXIT_MINOR_FAULTS) >>> 2);
    this.majorFaults = readU64(words, (offset + L.EXIT_MAJOR_FAULTS) >>> 2);
  }
}

export class PlainRecord extends FactsRecord {
  declare readonly type: PlainKind;

  constructor(memory: RingMemory, offset: number, comm: string, type: PlainKind) {
    super(memory, offset, comm);
    this.type = type;
  }
}

export class SnapshotRecord extends FactsRecord implements ProcessSnapshot {
  declare readonly type: 'snapshot';
  declare readonly executable: null;
  declare readonly argv: null;

  constructor(memory: RingMemory, offset: number, comm: string) {
    super(memory, offset, comm);
    this.type = 'snapshot';
    this.executable = null;
    this.argv = null;
  }
}
