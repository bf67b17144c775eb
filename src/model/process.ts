// One process of the live table: an identity (pid, start), its images, and how it began and ended.
import type { ExitEvent, Source } from '../decode/index.ts';
import type { Identity } from '../identity/index.ts';

/** One program run by a process. Immutable, so that a forked child shares its parent's. */
export interface Image {
  readonly comm: string;
  readonly executable: string | null;
  readonly argv: readonly string[] | null;
  readonly argvTruncated: boolean;
  /** When this image began, CLOCK_BOOTTIME; null for one that was there before the agent. */
  readonly sinceKtimeNs: bigint | null;
  readonly source: Source;
}

export type ProcessState = 'running' | 'exited' | 'exit_unseen';
/** How the agent learned of a process: its fork, the first snapshot, or by healing. */
export type Birth = 'fork' | 'snapshot' | 'fork_unseen';

/**
 * What everybody but the table sees of a process: nothing to write, and nothing of how the table keeps it, so that the table
 * can become columns without them. It may change after they were told of it.
 */
export interface ProcessView
  extends Readonly<Omit<Process, 'children' | 'earlierImages' | 'bytes' | 'execId'>> {
  readonly earlierImages: readonly Image[] | null;
  readonly children: ReadonlySet<ProcessView> | null;
}

/** A process as the table keeps it. Only the model writes to it. */
export interface Process {
  /** Monotonic number given by the model: order of appearance, and the paging cursor. */
  readonly serial: number;
  readonly pid: number;
  readonly startNs: bigint;
  readonly kernelThread: boolean;
  readonly nsPid: number;
  readonly pidNs: number;
  birth: Birth;
  state: ProcessState;
  parentPid: number;
  parentStartNs: bigint;
  uid: number;
  gid: number;
  euid: number;
  /**
   * Effective capabilities as 16 hex digits. Like the ids above as of its last event or comparison with the kernel's list:
   * no event tells that a process has changed them without an exec.
   */
  capEffective: string;
  /** Number of the last execve that is known of; null where nobody tells, and after the exit. */
  execId: number | null;
  identity: Identity;
  /** The current image. */
  image: Image;
  /** Images before the current one, oldest first; null when there were none. */
  earlierImages: Image[] | null;
  /** How many execs were seen, including those whose images are no longer kept. */
  execSeq: number;
  /** Live children; null when there are none. */
  children: Set<Process> | null;
  exitKtimeNs: bigint | null;
  /** What this process counts for in the table's memory budget. */
  bytes: number;
  /** Null until the exit, and for ever when the exit was not seen. */
  exit: Pick<
    ExitEvent,
    'exitCode' | 'exitSignal' | 'coreDumped' | 'cpuNs' | 'maxRssBytes' | 'minorFaults' | 'majorFaults'
  > | null;
}
