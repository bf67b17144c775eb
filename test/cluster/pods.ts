// What kubectl says of the pods of a run, gathered while it goes on: pods of Jobs may be deleted, containers restarted.
import type { Kubectl } from './kubectl.ts';
import { lifeKey, type Mark, type MarkedKind } from './mark.ts';
import { GROUP_LABEL } from './workloads.ts';

const EVERY_MS = 1000;

/** How a container ended, as its pod's status said. */
export interface ContainerEnd {
  /** `OOMKilled`, `Error`, `Completed`, … */
  readonly reason: string;
  readonly exitCode: number;
}

/** One life of a container, as its pod's status said. */
export interface ContainerLife {
  readonly podUid: string;
  readonly container: string;
  readonly life: number;
  readonly containerId: string;
  /** Null while it runs. */
  readonly end: ContainerEnd | null;
}

export interface SeenPod {
  readonly group: string;
  readonly namespace: string;
  readonly name: string;
  /** As in the cgroup path. */
  readonly uid: string;
  readonly node: string;
  readonly kinds: ReadonlyMap<string, MarkedKind>;
  readonly owner: { readonly kind: string; readonly name: string };
  readonly images: ReadonlySet<string>;
}

// biome-ignore lint/suspicious/noExplicitAny: the API's own JSON
type Json = any;

export class Pods {
  readonly pods = new Map<string, SeenPod>();
  /** By `lifeKey`. */
  readonly lives = new Map<string, ContainerLife>();
  readonly #kubectl: Kubectl;
  readonly #namespace: string;
  readonly #owners = new Map<string, Json>();
  #stopped = false;
  #watching: Promise<void> | undefined;

  constructor(kubectl: Kubectl, namespace: string) {
    this.#kubectl = kubectl;
    this.#namespace = namespace;
  }

  /** Looks every second until `stop`. An API server that does not answer is no failure. */
  watch(): void {
    this.#watching = (async () => {
      while (!this.#stopped) {
        await this.look().catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      }
    })();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#watching;
  }

  async look(): Promise<void> {
    const kinds = 'pods,replicasets.apps,jobs.batch';
    const text = await this.#kubectl(['get', kinds, '-n', this.#namespace, '-o', 'json']);
    const { items } = JSON.parse(text) as { items: Json[] };
    for (const item of items) if (item.kind !== 'Pod') this.#owners.set(item.metadata.uid, item);
    for (const item of items) if (item.kind === 'Pod') this.#learn(item);
  }

  /** The pods of a group that have begun. */
  ofGroup(group: string): SeenPod[] {
    return [...this.pods.values()].filter((pod) => pod.group === group);
  }

  livesOf(podUid: string): ContainerLife[] {
    return [...this.lives.values()].filter((life) => life.podUid === podUid);
  }

  /** Why a process's own mark and kubectl do not agree; null when they do. */
  contradiction(mark: Mark): string | null {
    const pod = this.pods.get(mark.podUid);
    if (pod === undefined) return `kubectl knows no pod ${mark.podUid}`;
    const says = { ...pod, kind: pod.kinds.get(mark.container) };
    if (says.name !== mark.pod || says.namespace !== mark.namespace)
      return `kubectl says ${says.namespace}/${says.name}`;
    if (says.kind !== mark.kind) return `kubectl says that the container ${mark.container} is ${says.kind}`;
    if (says.owner.kind !== mark.workloadKind || says.owner.name !== mark.workloadName)
      return `kubectl says that the owner is ${says.owner.kind}/${says.owner.name}`;
    return null;
  }

  #learn({ metadata, spec, status }: Json): void {
    const { annotations = {} } = metadata;
    const isStatic = (annotations['kubernetes.io/config.source'] ?? 'api') !== 'api';
    const uid: string = isStatic ? annotations['kubernetes.io/config.hash'] : metadata.uid;
    const kinds = new Map<string, MarkedKind>();
    for (const { name } of spec.containers) kinds.set(name, 'app');
    for (const { name } of spec.initContainers ?? []) kinds.set(name, 'init');
    for (const { name } of spec.ephemeralContainers ?? []) kinds.set(name, 'ephemeral');
    const statuses = [
      ...(status.containerStatuses ?? []),
      ...(status.initContainerStatuses ?? []),
      ...(status.ephemeralContainerStatuses ?? []),
    ];
    if (spec.nodeName === undefined) return;
    this.pods.set(uid, {
      group: metadata.labels?.[GROUP_LABEL] ?? '',
      namespace: metadata.namespace,
      name: metadata.name,
      uid,
      node: spec.nodeName,
      kinds,
      owner: this.#rootOf({ kind: 'Pod', metadata }),
      images: new Set([...spec.containers, ...statuses].map(({ image }) => image)),
    });
    for (const { name, containerID, restartCount, state, lastState } of statuses) {
      const before = lastState?.terminated;
      const id = withoutScheme(containerID);
      const beforeId = withoutScheme(before?.containerID);
      if (id !== '')
        this.#remember(uid, name, restartCount, id, state?.terminated ?? (id === beforeId && before));
      if (beforeId !== '' && beforeId !== id) this.#remember(uid, name, restartCount - 1, beforeId, before);
    }
  }

  #remember(podUid: string, container: string, life: number, containerId: string, end: Json): void {
    const key = lifeKey(podUid, container, life);
    this.lives.set(key, { podUid, container, life, containerId, end: end || null });
  }

  #rootOf({ kind, metadata }: Json): { kind: string; name: string } {
    const owner = (metadata.ownerReferences ?? []).find((one: Json) => one.controller === true);
    if (owner === undefined) return { kind, name: metadata.name };
    const known = this.#owners.get(owner.uid);
    return known === undefined ? { kind: owner.kind, name: owner.name } : this.#rootOf(known);
  }
}

const withoutScheme = (id: string | undefined) => (id ?? '').replace(/^[a-z]+:\/\//, '');
