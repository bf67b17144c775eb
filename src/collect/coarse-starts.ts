// Makes identities of events and of /proc meet, for kernels whose processes can only be listed from /proc.
//
// Events know a start to the nanosecond, /proc in whole ticks. Processes that began before the hooks were attached are
// known by their tick in every event; those that began later by their exact start, in the list from /proc too.
import type { PlainEvent, ProcessEvent, ProcessSnapshot } from '../decode/index.ts';
import { CLOCK_TICK_NS } from './procfs/index.ts';

const toTick = (startNs: bigint) => startNs - (startNs % CLOCK_TICK_NS);

export class CoarseStarts {
  readonly #attachedNs: bigint;
  /** Exact starts of the living processes that began after the attach, by pid. */
  readonly #exact = new Map<number, bigint>();

  constructor(attachedNs: bigint) {
    this.#attachedNs = attachedNs;
  }

  /** Rewrites the starts in an event. */
  apply(event: ProcessEvent | PlainEvent): void {
    const writable = event as { startNs: bigint; parentStartNs: bigint; forkerStartNs?: bigint };
    writable.startNs = this.#known(event.startNs);
    writable.parentStartNs = this.#known(event.parentStartNs);
    if (event.type === 'fork') writable.forkerStartNs = this.#known(event.forkerStartNs);
    if (event.type === 'exit') this.#exact.delete(event.pid);
    else if (event.startNs >= this.#attachedNs) this.#exact.set(event.pid, event.startNs);
  }

  /** The list with the starts that events have. */
  refine(snapshots: readonly ProcessSnapshot[]): ProcessSnapshot[] {
    return snapshots.map((snapshot) => ({
      ...snapshot,
      startNs: this.#refined(snapshot.pid, snapshot.startNs),
      parentStartNs: this.#refined(snapshot.parentPid, snapshot.parentStartNs),
    }));
  }

  #known(startNs: bigint): bigint {
    return startNs < this.#attachedNs ? toTick(startNs) : startNs;
  }

  #refined(pid: number, tickNs: bigint): bigint {
    const exact = this.#exact.get(pid);
    return exact !== undefined && toTick(exact) === tickNs ? exact : tickNs;
  }
}
