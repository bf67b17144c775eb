// What readers of the model (API, metrics, later detection) may ask it.
import type { Metadata } from '../identity/index.ts';
import type { ProcessView } from './process.ts';

/** Read side of the process table. Iterators are valid until the next event is applied: do not await in them. */
export interface ModelView {
  /** Kernel boot id, part of every process id. */
  readonly bootId: string;
  readonly runningCount: number;
  readonly exitedCount: number;
  /** Containers with at least one live process. */
  readonly containerCount: number;
  /** Estimate of the memory that the table holds. */
  readonly estimatedBytes: number;
  /** The live process with this pid, in the initial pid namespace. */
  byPid(pid: number): ProcessView | undefined;
  /** A process, live or exited and still retained, by its public id. */
  byProcessId(id: string): ProcessView | undefined;
  /** Live processes in order of `serial`, but those that had been taken for ended come last. */
  running(): IterableIterator<ProcessView>;
  /** Exited processes still retained, in order of exit. */
  exited(): IterableIterator<ProcessView>;
  /** The parent, when it is still known. */
  parentOf(process: ProcessView): ProcessView | undefined;
  processIdOf(process: ProcessView): string;
  /** Names of the process's pod and container as known now; null when nobody names them. */
  metadataOf(process: Pick<ProcessView, 'identity'>): Metadata | null;
  /** Wall-clock time of a CLOCK_BOOTTIME value, RFC 3339 with nanoseconds, UTC. */
  timeOf(ktimeNs: bigint): string;
  /** The CLOCK_BOOTTIME value of a wall-clock time, in nanoseconds since 1970; before the boot it is negative. */
  ktimeOf(realtimeNs: bigint): bigint;
}
