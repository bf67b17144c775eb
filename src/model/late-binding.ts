// Holds back the events of pods that nobody has named yet, for a short time, so that listeners get them named.
//
// Only what goes out waits: the model has every event at once. Events of one process keep their order, whatever
// cgroups it was in; events of other processes pass those that wait, so a stream is ordered by publication.
// Nothing is dropped: when the time or the room is over, events go out with the reason why the name is missing.
import type { Identity, Metadata } from '../identity/index.ts';
import { Tasks } from '../lib/tasks.ts';
import type { AppliedEvent } from './applied-event.ts';

/** What holding needs of the store of names. */
export interface MetadataLookup {
  lookup(identity: Identity): Metadata;
  /** As `lookup`, or null when something may still come: quicker, and never wrong to call first. */
  settled(identity: Identity): Metadata | null;
  /** Milliseconds since a name was first missed; null when there is nothing to wait for. */
  pendingSinceMs(identity: Identity): number | null;
}

export interface LateBindingOptions {
  readonly metadata: MetadataLookup;
  /** How long an event may wait for a name; 0: not at all. */
  readonly holdMs: number;
  /** Whether a name is being looked for that is likely to be found: then an event waits as long as that goes on. */
  readonly isSearched?: (identity: Identity) => boolean;
  /** How many events may wait, of all pods together. */
  readonly maxHeld: number;
  /** Takes the events that may go out, in order. */
  readonly publish: (batch: AppliedEvent[]) => void;
  readonly tasks?: Tasks;
}

/** Counts since the start. */
export interface LateBindingCounts {
  readonly held: number;
  /** Events that went out without a name after waiting for it. */
  readonly releasedUnnamed: number;
  /** Events that did not wait, or not to the end, because too many did. */
  readonly overflowed: number;
  readonly waiting: number;
}

/** How often waiting events are looked at. */
const TICK_MS = 25;

export class LateBinding {
  readonly #options: LateBindingOptions;
  readonly #tasks: Tasks;
  #waiting: AppliedEvent[] = [];
  /** Processes with waiting events: what follows of them waits behind. */
  #processes = new Map<number, number>();
  #stop: (() => void) | null = null;
  #seq = 0;
  #held = 0;
  #releasedUnnamed = 0;
  #overflowed = 0;

  constructor(options: LateBindingOptions) {
    this.#options = options;
    this.#tasks = options.tasks ?? new Tasks();
  }

  counts(): LateBindingCounts {
    return {
      held: this.#held,
      releasedUnnamed: this.#releasedUnnamed,
      overflowed: this.#overflowed,
      waiting: this.#waiting.length,
    };
  }

  /** Counts events that nobody listens to, so that positions tell exactly how much went by. Returns the last position. */
  skip(count: number): number {
    this.#seq += count;
    return this.#seq;
  }

  /** Publishes what need not wait. */
  offer(batch: AppliedEvent[]): void {
    // Most of the time nobody waits and everybody is named: the batch goes out as it is.
    let first = 0;
    if (this.#waiting.length === 0) {
      while (first < batch.length && this.#nameOne(batch[first]!)) first++;
    }
    if (first === batch.length) {
      this.#options.publish(batch);
      return;
    }
    const ready = batch.slice(0, first);
    for (let index = first; index < batch.length; index++) {
      const applied = batch[index]!;
      if (this.#processes.has(applied.event.pid) || this.#mustWait(applied)) {
        this.#hold(applied);
      } else {
        this.#name(applied);
        ready.push(applied);
      }
    }
    // A process has no ready event after its first waiting one, so the ready ones go first.
    if (ready.length > 0) this.#options.publish(ready);
    // Room for the newest comes from those that have waited longest.
    const excess = this.#waiting.length - this.#options.maxHeld;
    if (excess > 0) {
      this.#overflowed += excess;
      this.#publish(this.#takeOut(this.#waiting.slice(0, excess), this.#waiting.slice(excess)));
    }
    if (this.#waiting.length > 0)
      this.#stop ??= this.#tasks.every('naming events', TICK_MS, () => this.tick());
  }

  /** Publishes what has got its name, or has waited long enough. */
  tick(): void {
    const ready: AppliedEvent[] = [];
    const waiting: AppliedEvent[] = [];
    const blocked = new Set<number>();
    for (const applied of this.#waiting) {
      const { pid } = applied.event;
      if (blocked.has(pid) || this.#mustWait(applied)) {
        blocked.add(pid);
        waiting.push(applied);
      } else {
        ready.push(applied);
      }
    }
    this.#publish(this.#takeOut(ready, waiting));
    if (waiting.length === 0) this.#stopTicking();
  }

  /** Publishes everything, named or not. */
  flush(): void {
    this.#stopTicking();
    this.#publish(this.#takeOut(this.#waiting, []));
  }

  #stopTicking(): void {
    this.#stop?.();
    this.#stop = null;
  }

  #name(applied: AppliedEvent): void {
    const { metadata } = this.#options;
    applied.seq = ++this.#seq;
    applied.metadata = metadata.settled(applied.identity) ?? metadata.lookup(applied.identity);
  }

  /** Names an event for which there is nothing to wait; false, and nothing is done, where there is. */
  #nameOne(applied: AppliedEvent): boolean {
    const metadata = this.#options.metadata.settled(applied.identity);
    if (metadata === null) {
      if (this.#mustWait(applied)) return false;
      this.#name(applied);
      return true;
    }
    applied.seq = ++this.#seq;
    applied.metadata = metadata;
    return true;
  }

  #mustWait(applied: AppliedEvent): boolean {
    const { podUid, containerId } = applied.identity;
    if (podUid === null && containerId === null) return false;
    const { metadata, holdMs, isSearched } = this.#options;
    const sinceMs = metadata.pendingSinceMs(applied.identity);
    if (sinceMs === null || holdMs === 0) return false;
    return sinceMs < holdMs || isSearched?.(applied.identity) === true;
  }

  #hold(applied: AppliedEvent): void {
    const { pid } = applied.event;
    this.#held++;
    this.#waiting.push(applied);
    this.#processes.set(pid, (this.#processes.get(pid) ?? 0) + 1);
  }

  #takeOut(ready: AppliedEvent[], waiting: AppliedEvent[]): AppliedEvent[] {
    this.#waiting = waiting;
    for (const { event, identity } of ready) {
      const count = this.#processes.get(event.pid)! - 1;
      if (count > 0) this.#processes.set(event.pid, count);
      else this.#processes.delete(event.pid);
      if (this.#options.metadata.pendingSinceMs(identity) !== null) this.#releasedUnnamed++;
    }
    return ready;
  }

  #publish(batch: AppliedEvent[]): void {
    if (batch.length === 0) return;
    for (const applied of batch) this.#name(applied);
    this.#options.publish(batch);
  }
}
