// Merges the first snapshot into the event stream, so that each process comes once: from its events or from here.
import type { PlainEvent, ProcessEvent, ProcessSnapshot } from '../decode/index.ts';

/**
 * The hooks are attached before the snapshot is taken, so a process that is in the snapshot may also have events,
 * and one that exited before it was visited has only its exit. Each snapshot record counts as an event at the
 * moment of its visit: it is delivered before the first event that is younger, unless an event has shown the same
 * process already.
 */
export class SnapshotMerge {
  readonly #snapshots: readonly ProcessSnapshot[];
  readonly #deliver: (snapshot: ProcessSnapshot) => void;
  readonly #shown = new Set<string>();
  #next = 0;

  /** `snapshots` in the order of their visits. */
  constructor(snapshots: readonly ProcessSnapshot[], deliver: (snapshot: ProcessSnapshot) => void) {
    this.#snapshots = snapshots;
    this.#deliver = deliver;
  }

  /** To be called before the event is delivered. */
  before(event: ProcessEvent | PlainEvent): void {
    this.#deliverUntil(event.ktimeNs);
    this.#shown.add(keyOf(event));
  }

  /** No more events from before the end of the snapshot. */
  finish(): void {
    this.#deliverUntil(null);
  }

  #deliverUntil(ktimeNs: bigint | null): void {
    for (; this.#next < this.#snapshots.length; this.#next++) {
      const snapshot = this.#snapshots[this.#next]!;
      if (ktimeNs !== null && snapshot.ktimeNs > ktimeNs) return;
      if (!this.#shown.has(keyOf(snapshot))) this.#deliver(snapshot);
    }
  }
}

const keyOf = (facts: { pid: number; startNs: bigint }) => `${facts.pid}:${facts.startNs}`;
