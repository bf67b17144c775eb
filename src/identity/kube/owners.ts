// Finds the owners of owners: at most one request for each, few at a time, remembered within a bound.
import type { Workload } from '../metadata/index.ts';
import type { Answer } from './http-client.ts';
import { fieldsOf, parseFields } from './json.ts';
import { guessWorkload, type Intermediate, intermediateOf, type OwnerReference } from './owner-rules.ts';
import { controllerOf } from './pod-facts.ts';
import { Backoff, type KubeTimes, pause } from './times.ts';

export interface OwnersOptions {
  /** Rejects when there was no answer. */
  readonly get: (path: string) => Promise<Answer>;
  readonly times: Required<KubeTimes>;
  readonly signal: AbortSignal;
  /** An owner may not be read, and its name was used instead. */
  readonly onForbidden?: (resource: string) => void;
  readonly onFailure?: () => void;
  readonly maxEntries?: number;
}

export interface OwnedPod {
  readonly owner: OwnerReference | null;
  readonly templateHash: string | null;
  readonly facts: { readonly name: string; readonly namespace: string };
}

const CONCURRENT = 4;
const MAX_ENTRIES = 2048;
/** Then the name has to do. */
const ATTEMPTS = 5;

export class Owners {
  readonly #options: OwnersOptions;
  /** By the owner's uid, least recently used first. */
  readonly #found = new Map<string, Workload>();
  /** Uids whose workload is guessed by name because the API forbade to ask. */
  readonly #guessed = new Set<string>();
  readonly #asking = new Map<string, Promise<Workload | null>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: OwnersOptions) {
    this.#options = options;
  }

  /** The workload as far as it is known without a request; undefined when `find` has to ask. */
  known({ owner, facts }: OwnedPod): Workload | undefined {
    if (owner === null) return { kind: 'Pod', name: facts.name };
    if (intermediateOf(owner, facts.namespace) === null) return { kind: owner.kind, name: owner.name };
    const workload = this.#found.get(owner.uid);
    if (workload === undefined) return undefined;
    this.#found.delete(owner.uid);
    this.#found.set(owner.uid, workload);
    return workload;
  }

  /** Null only when closed meanwhile. Never rejects. */
  find(pod: OwnedPod): Promise<Workload | null> {
    const known = this.known(pod);
    if (known !== undefined) return Promise.resolve(known);
    const owner = pod.owner!;
    const asked = this.#asking.get(owner.uid);
    if (asked !== undefined) return asked;
    const intermediate = intermediateOf(owner, pod.facts.namespace)!;
    const asking = this.#ask(owner, intermediate, pod.templateHash).then((workload) => {
      this.#asking.delete(owner.uid);
      if (workload !== null) this.#remember(owner.uid, workload);
      return workload;
    });
    this.#asking.set(owner.uid, asking);
    return asking;
  }

  /** What was forbidden may be allowed now: it is asked again. */
  forgetGuesses(): void {
    for (const uid of this.#guessed) this.#found.delete(uid);
    this.#guessed.clear();
  }

  #remember(uid: string, workload: Workload): void {
    this.#found.set(uid, workload);
    if (this.#found.size <= (this.#options.maxEntries ?? MAX_ENTRIES)) return;
    const oldest = this.#found.keys().next().value!;
    this.#found.delete(oldest);
    this.#guessed.delete(oldest);
  }

  async #ask(owner: OwnerReference, { path, resource }: Intermediate, templateHash: string | null) {
    const { signal, times, onForbidden, onFailure } = this.#options;
    const backoff = new Backoff(times);
    for (let attempt = 1; !signal.aborted; attempt++) {
      const answer = await this.#inTurn(path);
      if (signal.aborted) return null;
      if (answer?.status === 200) {
        const workload = workloadOf(answer.body, owner);
        if (workload !== null) return workload;
      }
      if (answer === null || answer.status !== 200) onFailure?.();
      if (answer?.status === 403) {
        this.#guessed.add(owner.uid);
        onForbidden?.(resource);
      }
      const passing =
        answer === null || answer.status === 401 || answer.status === 429 || answer.status >= 500;
      if (!passing || attempt === ATTEMPTS) return guessWorkload(owner, templateHash);
      await pause(Math.max(backoff.nextMs(), answer?.retryAfterMs ?? 0), signal);
    }
    return null;
  }

  /** Null without an answer. */
  async #inTurn(path: string): Promise<Answer | null> {
    if (this.#running >= CONCURRENT) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return this.#options.signal.aborted ? null : await this.#options.get(path);
    } catch {
      return null;
    } finally {
      // The place is handed over, or given up.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

/** The controller of the object, or itself. Null when it is another one of the same name, or none. */
function workloadOf(body: string, owner: OwnerReference): Workload | null {
  const meta = fieldsOf(parseFields(body)?.metadata);
  if (meta.uid !== owner.uid) return null;
  const { kind, name } = controllerOf(meta) ?? owner;
  return { kind, name };
}
