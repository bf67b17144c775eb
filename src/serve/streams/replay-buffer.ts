// The last events, for clients that come back: bounded by number and by bytes.
//
// Decoded events are kept, not their text: text costs 2.7 us an event and several times the memory, and most events are
// never asked for again. What they refer to (images, identities, names) is shared with the process table.
import type { AppliedEvent } from '../../model/index.ts';

export interface ReplayLimits {
  readonly events: number;
  /** By estimate. */
  readonly bytes: number;
}

/** An event with its bigints and short strings, without arguments: about 460 in V8 of Node 26, and room for what waits for a collection. */
const EVENT_BYTES = 640;

export class ReplayBuffer {
  readonly #limits: ReplayLimits;
  /** A ring: an event is at its position modulo the size. */
  readonly #events: (AppliedEvent | undefined)[];
  #oldest = 0;
  #count = 0;
  #bytes = 0;

  constructor(limits: ReplayLimits) {
    this.#limits = limits;
    this.#events = new Array(limits.events);
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The position from which on everything before `next` is kept; `next` when nothing is. */
  oldest(next: number): number {
    return this.#oldest + this.#count === next ? this.#oldest : next;
  }

  /** The event at a position that is kept. */
  at(seq: number): AppliedEvent {
    return this.#events[seq % this.#limits.events]!;
  }

  /** Positions must follow each other; after a hole only what comes behind it is kept. */
  add(batch: readonly AppliedEvent[]): void {
    if (this.#limits.events === 0) return;
    for (const applied of batch) {
      if (this.#count > 0 && applied.seq !== this.#oldest + this.#count) this.clear();
      if (this.#count === this.#limits.events) this.#drop();
      const { seq, event, identity, image, execSeq, metadata } = applied;
      if (this.#count === 0) this.#oldest = seq;
      // Without the process: an exited one that is referred to would stay in memory whole.
      this.#events[seq % this.#limits.events] = {
        seq,
        event,
        identity,
        process: null,
        image,
        execSeq,
        metadata,
      };
      this.#count++;
      this.#bytes += bytesOf(applied);
      while (this.#bytes > this.#limits.bytes) this.#drop();
    }
  }

  clear(): void {
    this.#events.fill(undefined);
    this.#count = 0;
    this.#bytes = 0;
  }

  #drop(): void {
    const index = this.#oldest % this.#limits.events;
    this.#bytes -= bytesOf(this.#events[index]!);
    this.#events[index] = undefined;
    this.#oldest++;
    this.#count--;
  }
}

function bytesOf({ event }: AppliedEvent): number {
  if (event.type !== 'exec') return EVENT_BYTES;
  let chars = 0;
  for (const argument of event.argv) chars += argument.length + 24;
  return EVENT_BYTES + chars;
}
