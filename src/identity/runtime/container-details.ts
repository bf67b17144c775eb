// What a list of containers does not tell, e.g. when they started: one question each, remembered as long as the container is listed.
import type { ContainerFacts } from '../metadata/index.ts';
import type { ContainerDetails } from './runtime-facts.ts';

/** Questions at the same time, and in one look: a node full of containers must not delay the next look for long. */
const CONCURRENCY = 4;
const PER_LOOK = 64;
/** A container whose details cannot be had is not asked about for ever. */
const MAX_ATTEMPTS = 3;

/**
 * Docker starts the same container again under its id; that new start is seen only when a look fell between. CRI
 * makes a new container with a new id.
 */
export class DetailsCache {
  readonly #ask: (id: string) => Promise<ContainerDetails | null>;
  readonly #known = new Map<string, ContainerDetails | null>();
  readonly #attempts = new Map<string, number>();
  #ranBefore: ReadonlySet<string> = new Set();
  #hasMore = false;

  constructor(ask: (id: string) => Promise<ContainerDetails | null>) {
    this.#ask = ask;
  }

  /** Null while they are unknown. */
  get(id: string): ContainerDetails | null {
    return this.#known.get(id) ?? null;
  }

  /** Whether the last look left containers to ask about. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** Forgets all others. */
  keepOnly(containers: readonly ContainerFacts[]): void {
    const ids = new Set(containers.map(({ id }) => id));
    for (const map of [this.#known, this.#attempts])
      for (const id of [...map.keys()]) if (!ids.has(id)) map.delete(id);
  }

  /**
   * Asks about those that run and are not known. Never rejects: missing details are no reason to doubt the names. The
   * first failure ends it, for a runtime that hangs would hold up the next look. Says how many it asked about, and
   * how many of those questions failed.
   */
  async fill(running: ReadonlySet<string>): Promise<{ asked: number; failed: number }> {
    for (const id of running) if (!this.#ranBefore.has(id)) this.#known.delete(id);
    this.#ranBefore = running;
    const missing = [...running].filter((id) => !this.#known.has(id) && this.#tries(id) < MAX_ATTEMPTS);
    this.#hasMore = missing.length > PER_LOOK;
    let asked = 0;
    let failed = 0;
    const queue = missing.slice(0, PER_LOOK);
    const work = async () => {
      for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
        asked++;
        this.#attempts.set(id, this.#tries(id) + 1);
        try {
          this.#known.set(id, await this.#ask(id));
        } catch {
          failed++;
          queue.length = 0;
          this.#hasMore = false;
        }
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, work));
    return { asked, failed };
  }

  #tries(id: string): number {
    return this.#attempts.get(id) ?? 0;
  }
}
