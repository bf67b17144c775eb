// Keeps the process table true: compares it with the kernel's list now and then, and soon after a loss.
import {
  columnOf,
  COUNTED_KINDS,
  type CountedKind,
  type LedgerRows,
  MISSING_COLUMNS,
  type MissingColumn,
} from '../api/index.ts';
import type { Collector } from '../collect/index.ts';
import type { EventBase } from '../decode/index.ts';
import type { Identity } from '../identity/index.ts';
import { boottimeNs } from '../os/index.ts';
import { Tasks } from '../lib/index.ts';
import type { ProcessTable } from '../model/index.ts';

const CHECK_MS = 1000;
/** The node counts as wholly seen again when nothing was lost for so long. */
const LOSS_MEMORY_NS = 60_000_000_000n;

/** What is said of events that are missing: who did it, and what `/readyz` tells, with how many and how long ago. */
const WORDS: Readonly<
  Record<MissingColumn, { readonly why: string; reason(events: string, ago: string): string }>
> = {
  lost: {
    why: 'the ring was full',
    reason: (events, ago) => `${events} lost up to ${ago} ago because the ring was full`,
  },
  skipped: {
    why: 'the kernel skipped the programs',
    // When they happened nobody knows: that they are missing is noticed later.
    reason: (events, ago) =>
      `${events} not seen because the kernel skipped the programs, as was noticed ${ago} ago`,
  },
};

/** Where the name of the kind with an s would not do. */
const NAMES: Readonly<Partial<Record<CountedKind, string>>> = { move: 'moves between cgroups' };

export interface HealerOptions {
  readonly collector: Pick<Collector, 'snapshot' | 'drain'>;
  readonly table: ProcessTable;
  /** Where a process of the list is, given where the table has it. */
  readonly identify: (facts: EventBase, known: Identity | null) => Identity;
  readonly healSeconds: number;
  /** The account as it is now. */
  readonly ledger: () => LedgerRows;
  /** Told of new losses, in words. */
  readonly onLoss: (text: string) => void;
  readonly tasks?: Tasks;
  /** CLOCK_BOOTTIME; the kernel's when nothing is said. */
  readonly nowNs?: () => bigint;
}

/** Events that are missing for one reason. */
interface Loss {
  readonly column: MissingColumn;
  /** The highest that the account had. */
  count: number;
  noticedNs: bigint | null;
  /** Noticed within the memory of losses. */
  recent: number;
}

export class Healer {
  readonly #options: HealerOptions;
  readonly #nowNs: () => bigint;
  readonly #losses: readonly Loss[] = MISSING_COLUMNS.map((column) => ({
    column,
    count: 0,
    noticedNs: null,
    recent: 0,
  }));
  #stop = () => {};
  #nextHealNs: bigint;
  /** A loss is healed by two passes: a missing process is closed in the second. */
  #passesDue = 0;

  constructor(options: HealerOptions) {
    this.#options = options;
    this.#nowNs = options.nowNs ?? boottimeNs;
    this.#nextHealNs = this.#nowNs() + this.#periodNs;
  }

  get #periodNs(): bigint {
    return BigInt(this.#options.healSeconds) * 1_000_000_000n;
  }

  start(): void {
    const { tasks = new Tasks() } = this.#options;
    this.#stop = tasks.every('comparing processes with the kernel', CHECK_MS, () => this.check());
  }

  stop(): void {
    this.#stop();
  }

  /** Why the node was not wholly seen lately, one for each way in which events went missing. */
  lossReasons(): string[] {
    const now = this.#nowNs();
    return this.#losses.flatMap(({ column, noticedNs, recent }) => {
      if (noticedNs === null || isForgotten(noticedNs, now)) return [];
      const events = recent === 1 ? '1 event was' : `${recent} events were`;
      return [WORDS[column].reason(events, `${(now - noticedNs) / 1_000_000_000n} s`)];
    });
  }

  /** Looks for losses and heals when it is time to. Throws when the kernel's list cannot be had. */
  check(): void {
    this.#noticeLosses(this.#options.ledger());
    const now = this.#nowNs();
    this.#options.table.expire(now);
    if (this.#passesDue === 0 && now < this.#nextHealNs) return;
    // A pass that fails is due until it succeeds.
    this.heal();
    if (this.#passesDue > 0) this.#passesDue--;
    this.#nextHealNs = now + this.#periodNs;
  }

  heal(): void {
    const { collector, table, identify } = this.#options;
    const takenNs = this.#nowNs();
    const snapshots = collector.snapshot();
    collector.drain();
    table.heal(snapshots, takenNs, identify);
  }

  #noticeLosses(ledger: LedgerRows): void {
    const now = this.#nowNs();
    for (const loss of this.#losses) {
      const { column, noticedNs } = loss;
      const count = columnOf(ledger, column);
      // What is told after all is taken back, and is no loss when it is missing again.
      if (count <= loss.count) continue;
      const forgotten = noticedNs === null || isForgotten(noticedNs, now);
      loss.recent = count - loss.count + (forgotten ? 0 : loss.recent);
      loss.count = count;
      loss.noticedNs = now;
      this.#passesDue = 2;
      this.#options.onLoss(`${column} ${kindsText(ledger, column)} since the start: ${WORDS[column].why}`);
    }
  }
}

const isForgotten = (noticedNs: bigint, now: bigint) => now - noticedNs > LOSS_MEMORY_NS;

const kindsText = (ledger: LedgerRows, column: MissingColumn) =>
  COUNTED_KINDS.filter((kind) => ledger[kind][column] > 0)
    .map((kind) => `${ledger[kind][column]} ${NAMES[kind] ?? `${kind}s`}`)
    .join(', ');
