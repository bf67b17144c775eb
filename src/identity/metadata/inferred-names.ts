// Containers whose name was inferred before a source told it, and how often that was right.
import type { ContainerFacts, PodFacts } from './facts.ts';
import type { Said } from './metadata.ts';

/** Counts of containers since the start. */
export interface InferredCounts {
  readonly inferred: number;
  /** A source has named the container since then, likewise. */
  readonly confirmed: number;
  /** A source has named it, otherwise. */
  readonly refuted: number;
}

/** Containers that no source has named yet are few: this many starts are remembered. */
const MAX_WAITING = 4096;

export class InferredNames {
  readonly #waiting = new Map<string, ContainerFacts>();
  #inferred = 0;
  #confirmed = 0;
  #refuted = 0;

  counts(): InferredCounts {
    return { inferred: this.#inferred, confirmed: this.#confirmed, refuted: this.#refuted };
  }

  has(containerId: string): boolean {
    return this.#waiting.has(containerId);
  }

  /** `name` null: a sandbox. */
  add(podUid: string, containerId: string, name: string | null): void {
    this.#inferred++;
    const kind = name === null ? 'sandbox' : 'app';
    const unknown = { image: null, imageId: null, startedAt: null, restartCount: null };
    this.#waiting.set(containerId, { id: containerId, podUid, name, kind, ...unknown });
    if (this.#waiting.size > MAX_WAITING) this.#waiting.delete(this.#waiting.keys().next().value!);
  }

  /** What is inferred of a container that no source knows: its name must be one of the pod's specification. */
  of(containerId: string, podUid: string | null, pods: readonly Said<PodFacts>[]): Said<ContainerFacts>[] {
    const facts = this.#waiting.get(containerId);
    if (facts === undefined || facts.podUid !== podUid) return [];
    const isDeclared = pods.some((pod) => pod.facts.declared?.some(({ name }) => name === facts.name));
    return facts.kind === 'sandbox' || isDeclared ? [{ source: 'inferred', facts }] : [];
  }

  /** A source has named this container: that is what it is called from now on. */
  compare({ id, name, kind }: ContainerFacts): void {
    const facts = this.#waiting.get(id);
    if (facts === undefined) return;
    this.#waiting.delete(id);
    const isRight = facts.kind === 'sandbox' ? kind === 'sandbox' : name === facts.name;
    if (isRight) this.#confirmed++;
    else this.#refuted++;
  }
}
