// An event together with what the model knew at that moment; what streams and later stages receive.
import type { ProcessEvent } from '../decode/index.ts';
import type { Identity, Metadata } from '../identity/index.ts';
import type { Image, ProcessView } from './process.ts';

/** One event after the model took it in. `process` may change later; the other fields do not. */
export interface AppliedEvent {
  /** Position among all events of this agent run, from 1, heard or not; given when the event goes out (0 before). */
  seq: number;
  readonly event: ProcessEvent;
  readonly identity: Identity;
  /** Null only when the table is full and the process could not be kept. */
  readonly process: ProcessView | null;
  /** The image at the event: after a fork the parent's, after an exec the new one, at exit the last. */
  readonly image: Image;
  readonly execSeq: number;
  /** Names of pod and container as known when the event went out; null before. */
  metadata: Metadata | null;
}

/** Receives the events of one drain of the ring, in order. Must not throw and must not keep the array. */
export type BatchListener = (batch: readonly AppliedEvent[]) => void;

/** Hands batches of events to whoever subscribed. */
export class EventBus {
  readonly #listeners = new Set<BatchListener>();
  #lastSeq = 0;

  /** Position of the last event that went out or went by. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Events up to this position went by while nobody listened. */
  passed(lastSeq: number): void {
    this.#lastSeq = lastSeq;
  }

  /** Returns the function that ends the subscription. */
  subscribe(listener: BatchListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get subscribers(): number {
    return this.#listeners.size;
  }

  publish(batch: readonly AppliedEvent[]): void {
    const last = batch.at(-1);
    if (last !== undefined) this.#lastSeq = last.seq;
    for (const listener of this.#listeners) listener(batch);
  }
}
