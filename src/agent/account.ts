// The account of the running agent: composed whenever somebody asks, and the last one when nobody can be asked any more.
import type { LedgerJson } from '../api/index.ts';
import type { Collector } from '../collect/index.ts';
import type { ProcessTable } from '../model/index.ts';
import { composeLedger } from './compose-ledger.ts';

export class Account {
  readonly #collector: Pick<Collector, 'counts' | 'drain' | 'status'>;
  readonly #model: Pick<ProcessTable, 'ledger'>;
  readonly #knownCgroups: () => number;
  #last: LedgerJson | null = null;
  #isFinal = false;

  constructor(
    collector: Pick<Collector, 'counts' | 'drain' | 'status'>,
    model: Pick<ProcessTable, 'ledger'>,
    knownCgroups: () => number,
  ) {
    this.#collector = collector;
    this.#model = model;
    this.#knownCgroups = knownCgroups;
  }

  ledger(): LedgerJson {
    if (this.#last !== null && this.#isFinal) return this.#last;
    // First what is in the ring, then the kernel's count: what happens in between is pending, never negative.
    this.#collector.drain();
    const { maySkip } = this.#collector.status();
    this.#last = composeLedger(
      this.#collector.counts(),
      maySkip,
      this.#model,
      this.#knownCgroups(),
      this.#last,
    );
    return this.#last;
  }

  /** The hooks are detached: what was composed last, or now if that can still be, holds from here on. */
  finish(): void {
    try {
      this.ledger();
    } finally {
      this.#isFinal = true;
    }
  }
}
