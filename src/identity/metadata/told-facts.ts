// What one source says: its pods and containers, and for a while those that are gone.
import type { ContainerFacts, PodFacts } from './facts.ts';
import { isSameContainer, isSamePod } from './same-facts.ts';

export interface Retention {
  /** How long what is gone is remembered. */
  readonly ms: number;
  /** How many pods, and how many containers, that are gone are remembered. */
  readonly count: number;
}

/** A map whose removed entries stay readable for a time, within a bound. */
class Remembering<T> {
  readonly #present = new Map<string, T>();
  /** In order of going. */
  readonly #gone = new Map<string, { readonly facts: T; readonly atMs: number }>();
  readonly #retention: Retention;
  readonly #isSame: (a: T, b: T) => boolean;

  constructor(retention: Retention, isSame: (a: T, b: T) => boolean) {
    this.#retention = retention;
    this.#isSame = isSame;
  }

  get size(): number {
    return this.#present.size;
  }

  get goneSize(): number {
    return this.#gone.size;
  }

  get(key: string): T | undefined {
    return this.#present.get(key) ?? this.#gone.get(key)?.facts;
  }

  present(key: string): T | undefined {
    return this.#present.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#present.keys();
  }

  /** What says the same as before stays the same object. */
  set(key: string, facts: T): void {
    this.#gone.delete(key);
    const before = this.#present.get(key);
    if (before === undefined || !this.#isSame(before, facts)) this.#present.set(key, facts);
  }

  remove(key: string, nowMs: number): void {
    const facts = this.#present.get(key);
    if (facts === undefined) return;
    this.#present.delete(key);
    this.#gone.set(key, { facts, atMs: nowMs });
    if (this.#gone.size > this.#retention.count) this.#gone.delete(this.#gone.keys().next().value!);
  }

  expire(nowMs: number): void {
    for (const [key, { atMs }] of this.#gone) {
      if (atMs + this.#retention.ms > nowMs) return;
      this.#gone.delete(key);
    }
  }
}

export class ToldFacts {
  readonly #pods: Remembering<PodFacts>;
  readonly #containers: Remembering<ContainerFacts>;
  /** Ids of the containers of each pod. */
  readonly #ofPod = new Map<string, Set<string>>();

  constructor(retention: Retention) {
    this.#pods = new Remembering(retention, isSamePod);
    this.#containers = new Remembering(retention, isSameContainer);
  }

  get counts(): { pods: number; containers: number; gone: number } {
    return { pods: this.#pods.size, containers: this.#containers.size, gone: this.#pods.goneSize };
  }

  pod(uid: string): PodFacts | undefined {
    return this.#pods.get(uid);
  }

  container(id: string): ContainerFacts | undefined {
    return this.#containers.get(id);
  }

  replace(pods: readonly PodFacts[], containers: readonly ContainerFacts[], nowMs: number): void {
    const uids = new Set(pods.map(({ uid }) => uid));
    for (const uid of [...this.#pods.keys()]) if (!uids.has(uid)) this.remove(uid, nowMs);
    const ids = new Set(containers.map(({ id }) => id));
    for (const id of [...this.#containers.keys()]) if (!ids.has(id)) this.#removeContainer(id, nowMs);
    for (const pod of pods) this.#pods.set(pod.uid, pod);
    for (const container of containers) this.#setContainer(container);
  }

  /** Containers that the pod had before and that are not named any more stay as gone. */
  upsert(pod: PodFacts, containers: readonly ContainerFacts[], nowMs: number): void {
    this.#pods.set(pod.uid, pod);
    const ids = new Set(containers.map(({ id }) => id));
    for (const id of this.#ofPod.get(pod.uid) ?? []) if (!ids.has(id)) this.#removeContainer(id, nowMs);
    for (const container of containers) this.#setContainer(container);
  }

  remove(podUid: string, nowMs: number): void {
    this.#pods.remove(podUid, nowMs);
    for (const id of this.#ofPod.get(podUid) ?? []) this.#removeContainer(id, nowMs);
  }

  expire(nowMs: number): void {
    this.#pods.expire(nowMs);
    this.#containers.expire(nowMs);
  }

  #setContainer(container: ContainerFacts): void {
    this.#containers.set(container.id, container);
    if (container.podUid === null) return;
    const ids = this.#ofPod.get(container.podUid) ?? new Set();
    this.#ofPod.set(container.podUid, ids.add(container.id));
  }

  #removeContainer(id: string, nowMs: number): void {
    const podUid = this.#containers.present(id)?.podUid;
    this.#containers.remove(id, nowMs);
    if (podUid == null) return;
    const ids = this.#ofPod.get(podUid);
    ids?.delete(id);
    if (ids?.size === 0) this.#ofPod.delete(podUid);
  }
}
