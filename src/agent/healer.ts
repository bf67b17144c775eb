// Keeps the process table true: compares it with the kernel's list now and then, and soon after a loss.
import type { Collector, CollectorCounts } from '../collect/index.ts';
import type { EventBase } from '../decode/index.ts';
import type { Identity } from '../identity/index.ts';
import { boottimeNs } from '../kernel/index.ts';
import type { ProcessTable } from '../model/index.ts';

const CHECK_MS = 1000;
/** The node counts as wholly seen again when nothing was lost for so long. */
const LOSS_MEMORY_NS = 60_000_000_000n;

export interface HealerOptions {
  readonly collector: Collector;
  readonly table: ProcessTable;
  /** Where a process of the list is, given where the table has it. */
  readonly identify: (facts: EventBase, known: Identity | null) => Identity;
  readonly healSeconds: number;
  /** Told of new losses, in words. */
  readonly onLoss: (text: string) => void;
}

export class Healer {
  readonly #options: HealerOptions;
  #timer: NodeJS.Timeout | undefined;
  #lost = 0;
  #lostAtNs: bigint | null = null;
  /** Lost within the memory of losses. */
  #recentlyLost = 0;
  #nextHealNs: bigint;
  /** A loss is healed by two passes: a missing process is closed in the second. */
  #passesDue = 0;

  constructor(options: HealerOptions) {
    this.#options = options;
    this.#nextHealNs = boottimeNs() + this.#periodNs;
  }

  get #periodNs(): bigint {
    return BigInt(this.#options.healSeconds) * 1_000_000_000n;
  }

  start(): void {
    this.#timer = setInterval(() => this.check(), CHECK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Why the node was not wholly seen lately; null when it was. */
  lossReason(): string | null {
    if (this.#lostAtNs === null || boottimeNs() - this.#lostAtNs > LOSS_MEMORY_NS) return null;
    const seconds = Number((boottimeNs() - this.#lostAtNs) / 1_000_000_000n);
    return `${this.#recentlyLost} events were lost up to ${seconds} s ago because the ring was full`;
  }

  /** Looks for losses and heals when it is time to. */
  check(): void {
    this.#noticeLoss(this.#options.collector.counts());
    const now = boottimeNs();
    this.#options.table.expire(now);
    if (this.#passesDue === 0 && now < this.#nextHealNs) return;
    if (this.#passesDue > 0) this.#passesDue--;
    this.#nextHealNs = now + this.#periodNs;
    this.heal();
  }

  heal(): void {
    const { collector, table, identify } = this.#options;
    const takenNs = boottimeNs();
    const snapshots = collector.snapshot();
    collector.drain();
    table.heal(snapshots, takenNs, identify);
  }

  #noticeLoss(counts: CollectorCounts): void {
    const lost = counts.fork.lost + counts.exec.lost + counts.exit.lost + counts.move.lost;
    if (lost === this.#lost) return;
    const now = boottimeNs();
    const forgotten = this.#lostAtNs === null || now - this.#lostAtNs > LOSS_MEMORY_NS;
    this.#recentlyLost = lost - this.#lost + (forgotten ? 0 : this.#recentlyLost);
    this.#lost = lost;
    this.#lostAtNs = now;
    this.#passesDue = 2;
    this.#options.onLoss(
      `lost ${counts.fork.lost} forks, ${counts.exec.lost} execs, ${counts.exit.lost} exits, ${counts.move.lost} moves between cgroups since the start: the ring was full`,
    );
  }
}
