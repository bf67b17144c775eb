// What every collector offers, whichever way it watches the node.
import type { DecodedRecord, ProcessSnapshot } from '../decode/index.ts';
import type { ProgramFacts, ProgramState } from '../kernel/index.ts';
import type { CountedKind } from '../lib/counted-kinds.ts';
import type { Closable } from '../lib/close.ts';

/** Receives what a collector sees. Called synchronously; must not throw. */
export interface CollectorSink {
  /** One record. A cgroup's record always comes before the first event that refers to it. */
  record(record: DecodedRecord): void;
  /** No more records in this batch: a good moment to tell others. */
  batchEnd(): void;
}

/** Counts since the start of one kind of event. */
export interface KindCounts {
  /** How many happened, by a count that cannot lose (for procfs: how many it could see). */
  readonly kernel: number;
  /** How many were lost on the way to the sink, exactly. */
  readonly lost: number;
}

export interface CollectorCounts extends Readonly<Record<CountedKind, KindCounts>> {
  /** Records of cgroups that could not be sent: names are sent again with the next event, removals are not. */
  readonly cgroupLost: number;
}

export interface CollectorStatus {
  readonly kind: 'ebpf' | 'procfs';
  /** What is loaded into the kernel; none where /proc is polled. */
  readonly programs: readonly ProgramFacts[];
  /** Attached hooks, or what is polled. */
  readonly hooks: readonly string[];
  readonly ringBytes: number | null;
  readonly ringUsedBytes: number | null;
  readonly btf: boolean;
  /**
   * The kernel may skip the programs of an exec or exit, which is then in no count: only the model can tell, by the
   * process that is gone and by the numbers of its execs.
   */
  readonly maySkip: boolean;
  /** What the kernel cannot give, found when the programs were loaded; in words. docs/limits.md. */
  readonly limits: readonly string[];
  /** Records that could not be decoded, by kind of defect. */
  readonly decodeErrors: Readonly<Record<string, number>>;
}

/**
 * Watches forks, execs and exits. Life: `start` once, then records flow until `close`.
 * `start` delivers a snapshot of all existing processes merged into the stream: each is either in the
 * snapshot or announced by events, never both and never neither.
 */
export interface Collector extends Closable {
  start(sink: CollectorSink): Promise<void>;
  /** All live processes now (zombies excluded), for healing. Each carries the time it was visited. */
  snapshot(): ProcessSnapshot[];
  /** Delivers everything that has happened by now to the sink, synchronously. */
  drain(): void;
  counts(): CollectorCounts;
  /** Nothing is watched from now on; what has happened by now is delivered, and the counts are final. */
  detach(): void;
  status(): CollectorStatus;
  /** The programs as the kernel has them now; none where /proc is polled, and after `detach`. */
  programs(): readonly ProgramState[];
}
