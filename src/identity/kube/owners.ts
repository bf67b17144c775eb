// Finds the owners of owners, one after the other: at most one request for each, few at a time, remembered within a bound.
import type { Workload } from '../metadata/index.ts';
import type { Answer } from './http-client.ts';
import { type Fields, fieldsOf, parseFields } from './json.ts';
import {
  guessWorkload,
  type OwnerHints,
  ownerKind,
  ownerPath,
  type OwnerReference,
  type OwnerResource,
  resourceIn,
  versionPath,
} from './owner-rules.ts';
import { controllerOf } from './pod-facts.ts';
import { Backoff, pause } from '../../lib/backoff.ts';
import type { KubeTimes } from './times.ts';

export interface OwnersOptions {
  /** Rejects when there was no answer. */
  readonly get: (path: string) => Promise<Answer>;
  readonly times: Required<KubeTimes>;
  readonly signal: AbortSignal;
  /** An owner may not be read, and its name was used instead. Not told of kinds that are not Kubernetes' own. */
  readonly onForbidden?: (resource: string) => void;
  readonly onFailure?: () => void;
  readonly maxEntries?: number;
}

export interface OwnedPod {
  readonly owner: OwnerReference | null;
  readonly hints: OwnerHints;
  readonly facts: { readonly name: string; readonly namespace: string };
}

/** An object that was asked for. */
type Found =
  | { readonly is: 'found'; readonly body: Fields | null }
  | { readonly is: 'forbidden' | 'missing' | 'closed' };

const CONCURRENT = 4;
const MAX_ENTRIES = 2048;
/** Then the name has to do. */
const ATTEMPTS = 5;
/** Of a chain of owners: longer ones are a mistake, or a circle. */
const MAX_LENGTH = 8;

export class Owners {
  readonly #options: OwnersOptions;
  /** By the uid of the pod's owner, least recently used first. */
  readonly #found = new Map<string, Workload>();
  /** Uids whose chain broke off because the API forbade to ask. */
  readonly #guessed = new Set<string>();
  readonly #asking = new Map<string, Promise<Workload | null>>();
  /** Of kinds that are not Kubernetes' own, by `apiVersion kind`; null where there is none that may be read. */
  readonly #resources = new Map<string, OwnerResource | null>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: OwnersOptions) {
    this.#options = options;
  }

  /** The workload as far as it is known without a request; undefined when `find` has to ask. */
  known({ owner, facts }: OwnedPod): Workload | undefined {
    if (owner === null) return { kind: 'Pod', name: facts.name };
    if (ownerKind(owner, facts.namespace) === 'end') return { kind: owner.kind, name: owner.name };
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
    const asking = this.#follow(owner, pod).then((workload) => {
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
    for (const [kind, resource] of this.#resources) if (resource === null) this.#resources.delete(kind);
  }

  #remember(uid: string, workload: Workload): void {
    this.#found.set(uid, workload);
    if (this.#found.size <= (this.#options.maxEntries ?? MAX_ENTRIES)) return;
    const oldest = this.#found.keys().next().value!;
    this.#found.delete(oldest);
    this.#guessed.delete(oldest);
  }

  /** From controller to controller, as far as they may be read. */
  async #follow(first: OwnerReference, { hints, facts: { namespace } }: OwnedPod): Promise<Workload | null> {
    let owner = first;
    for (let length = 0; length < MAX_LENGTH; length++) {
      const resource = await this.#resourceOf(owner, first, namespace);
      if (resource === null) break;
      const found = await this.#read(ownerPath(owner, resource, namespace));
      if (found.is === 'closed') return null;
      const meta = found.is === 'found' ? fieldsOf(found.body?.metadata) : {};
      // Another object of the same name is not the owner.
      if (meta.uid !== owner.uid) {
        if (found.is === 'forbidden') this.#noteForbidden(owner, first, resource, namespace);
        return guessWorkload(owner, hints);
      }
      const controller = controllerOf(meta);
      if (controller === null) break;
      owner = controller;
    }
    if (this.#options.signal.aborted) return null;
    return { kind: owner.kind, name: owner.name };
  }

  /** Null for what has no owner, or none that can be read. */
  async #resourceOf(
    owner: OwnerReference,
    first: OwnerReference,
    namespace: string,
  ): Promise<OwnerResource | null> {
    const kind = ownerKind(owner, namespace);
    if (kind === 'end') return null;
    if (kind !== 'foreign') return kind;
    const key = resourceKey(owner);
    if (!this.#resources.has(key)) {
      const found = await this.#read(versionPath(owner), true);
      if (found.is === 'closed') return null;
      const resource = found.is === 'found' ? resourceIn(found.body, owner) : null;
      this.#resources.set(key, resource);
      if (this.#resources.size > MAX_ENTRIES) this.#resources.delete(this.#resources.keys().next().value!);
    }
    const resource = this.#resources.get(key) ?? null;
    if (resource === null) this.#guessed.add(first.uid);
    return resource;
  }

  /** Of a kind that is not Kubernetes' own no other is asked for until the next list: hardly anybody may read all kinds. */
  #noteForbidden(
    owner: OwnerReference,
    first: OwnerReference,
    resource: OwnerResource,
    namespace: string,
  ): void {
    this.#guessed.add(first.uid);
    if (ownerKind(owner, namespace) === 'foreign') this.#resources.set(resourceKey(owner), null);
    else {
      this.#options.onFailure?.();
      this.#options.onForbidden?.(resource.name);
    }
  }

  /** Asks again after a failure that passes. That an API version (`isVersion`) is gone is none. */
  async #read(path: string, isVersion = false): Promise<Found> {
    const { signal, times, onFailure } = this.#options;
    const backoff = new Backoff(times);
    for (let attempt = 1; !signal.aborted; attempt++) {
      const answer = await this.#inTurn(path);
      if (signal.aborted) break;
      if (answer?.status === 200) return { is: 'found', body: parseFields(answer.body) };
      if (answer?.status === 403) return { is: 'forbidden' };
      if (answer?.status === 404 && isVersion) return { is: 'missing' };
      onFailure?.();
      const passing =
        answer === null || answer.status === 401 || answer.status === 429 || answer.status >= 500;
      if (!passing || attempt === ATTEMPTS) return { is: 'missing' };
      await pause(Math.max(backoff.nextMs(), answer?.retryAfterMs ?? 0), signal);
    }
    return { is: 'closed' };
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

const resourceKey = ({ apiVersion, kind }: OwnerReference): string => `${apiVersion} ${kind}`;
