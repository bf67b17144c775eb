// The typed event that the rest of the agent works with, whichever collector saw it.
import type { CountedKind } from '../lib/counted-kinds.ts';

/** Where an event or a fact comes from. */
export type Source = 'ebpf' | 'procfs' | 'snapshot';

/** What every event says about the process it is about, read at the moment of the event. */
export interface EventBase {
  readonly source: Source;
  /** Nanoseconds of CLOCK_BOOTTIME at the event. */
  readonly ktimeNs: bigint;
  /** The process (thread group) id in the initial pid namespace. */
  readonly pid: number;
  /** CLOCK_BOOTTIME of the process's start: with `pid` the identity of the process. */
  readonly startNs: bigint;
  /** The real parent: the process that would be sent SIGCHLD. 0 where there is none. */
  readonly parentPid: number;
  readonly parentStartNs: bigint;
  readonly uid: number;
  readonly gid: number;
  readonly euid: number;
  /** Audit login uid; 4294967295 when none was set. */
  readonly loginuid: number;
  /** Audit session id; 4294967295 when there is none. */
  readonly sessionId: number;
  /** Effective capability set as a bit mask (41 bits today, so a number is exact). */
  readonly capEffective: number;
  /**
   * Number of the process's last execve: counts up with each, a child begins with its parent's. Null when unknown.
   * (`self_exec_id` of the kernel's task_struct.)
   */
  readonly execId: number | null;
  /** Namespace inode numbers; 0 when unknown. */
  readonly pidNs: number;
  readonly mntNs: number;
  readonly cgroupNs: number;
  /** The pid inside the process's own pid namespace. */
  readonly nsPid: number;
  /** Id of the cgroup in the v2 hierarchy; 0 when unknown. */
  readonly cgroupId: number;
  /** Id of the cgroup in the v1 hierarchy that runtimes use; 0 when the same as v2 or absent. */
  readonly cgroupV1Id: number;
  /** The kernel's short name (15 bytes), escaped like argv. */
  readonly comm: string;
  readonly kernelThread: boolean;
}

/** A new process. `pid` is the child; `parent…` its real parent. */
export interface ForkEvent extends EventBase {
  readonly type: 'fork';
  /** The process that called fork: another than the parent after clone(CLONE_PARENT). */
  readonly forkerPid: number;
  readonly forkerStartNs: bigint;
}

/** A new image in an existing process. */
export interface ExecEvent extends EventBase {
  readonly type: 'exec';
  /** The path given to execve, as the caller wrote it (may be relative or `/dev/fd/N/…`). */
  readonly executable: string;
  /** The arguments, secrets masked, bytes outside UTF-8 escaped (see docs/events.md). */
  readonly argv: readonly string[];
  /** The kernel's own count of arguments. */
  readonly argc: number;
  /** argv was longer than `kernel.argv_bytes` and is cut. */
  readonly argvTruncated: boolean;
  /** The argument memory could not be read. */
  readonly argvUnreadable: boolean;
  /** How many arguments had a secret masked. */
  readonly argvMasked: number;
  readonly inode: number;
  /** Device of the executable as the kernel's dev_t (major << 20 | minor). */
  readonly device: number;
  readonly memfd: boolean;
  /** The executable has no name in any directory any more. */
  readonly deleted: boolean;
  /** On an overlay: the file was written after the image was made. Null when not on an overlay. */
  readonly upperLayer: boolean | null;
  /**
   * A script, or a file of another format, that an interpreter runs: the interpreter, whose file `inode` to `upperLayer`
   * describe; `executable` is what the caller gave. Null when the executable runs itself, or when argv, where the kernel
   * puts the interpreter first, could not be read.
   */
  readonly interpreter: string | null;
  /** The file's own name, where the caller gave an open file and no path; null elsewhere, and of a script. */
  readonly fileName: string | null;
  /** The thread that called execve, when it was not the leader; else 0. */
  readonly callerTid: number;
}

/** The last thread of a process is gone. */
export interface ExitEvent extends EventBase {
  readonly type: 'exit';
  /** exit(2) status, 0 to 255; null when a signal ended the process. */
  readonly exitCode: number | null;
  /** The signal that ended it; null when it exited by itself. */
  readonly exitSignal: number | null;
  readonly coreDumped: boolean;
  /** CPU time of all threads, from the scheduler's exact accounting. */
  readonly cpuNs: number;
  readonly maxRssBytes: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
}

export type ProcessEvent = ForkEvent | ExecEvent | ExitEvent;

/** A process that existed already: from a snapshot, at the time `ktimeNs` it was visited. */
export interface ProcessSnapshot extends EventBase {
  readonly type: 'snapshot';
  /** Known only where the snapshot could read it (procfs); filled in later otherwise. */
  readonly executable: string | null;
  readonly argv: readonly string[] | null;
}

/** What is counted and is no event for clients: it has nothing of its own to tell. */
export type PlainKind = Exclude<CountedKind, EventType>;
export type PlainEvent = { [Kind in PlainKind]: EventBase & { readonly type: Kind } }[PlainKind];
/** A process that was put into another cgroup. */
export type ProcessMove = Extract<PlainEvent, { type: 'move' }>;

/** The name of a cgroup, sent when it is made, or else once before the first event that needs it; or its end. */
export interface CgroupRecord {
  readonly type: 'cgroup';
  /** `procfs`: `path` is the content of a /proc/PID/cgroup and the ids are the collector's own. */
  readonly source: 'ebpf' | 'procfs';
  readonly ktimeNs: bigint;
  /** Kernel number of the hierarchy: 0 (cgrp_dfl_root) is v2, others are v1. */
  readonly hierarchyId: number;
  readonly cgroupId: number;
  /** It is no more, and no process is in it. */
  readonly removed: boolean;
  /**
   * Empty when removed. Absolute path from the hierarchy's real root, whatever cgroup namespace the agent is in. Names are
   * bytes that their makers choose: one character for each (`rawText`), read as text only when somebody is shown them.
   */
  readonly path: string;
  /** The id of the parent, where the kernel may not give names: there is no path then. Else null. */
  readonly parentId: number | null;
  /** The path was deeper or longer than the kernel program reads; its root end is missing. */
  readonly truncated: boolean;
}

export type DecodedRecord = ProcessEvent | PlainEvent | ProcessSnapshot | CgroupRecord;

export type EventType = ProcessEvent['type'];
