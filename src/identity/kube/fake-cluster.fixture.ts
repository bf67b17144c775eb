// The objects of a cluster with their history, as etcd and the API server's cache keep them.
import { type FakePod, podJson } from './kube-objects.fixture.ts';

export type WatchType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface Change {
  readonly version: number;
  readonly type: WatchType;
  readonly node: string | null;
  /** The event's line, as every watcher gets it. */
  readonly line: string;
}

interface Stored {
  readonly pod: FakePod;
  readonly text: string;
}

export interface Page {
  readonly version: number;
  readonly items: readonly string[];
  /** Empty at the end. */
  readonly next: string;
}

/** An owner that can be asked for by its path. */
export interface FakeOwner {
  readonly uid: string;
  readonly controller?: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
  };
}

/** The version that was asked for is compacted. */
export class Expired extends Error {}

export class FakeCluster {
  version = 1000;
  readonly pods = new Map<string, Stored>();
  /** By path, e.g. `/apis/apps/v1/namespaces/shop/replicasets/api-1`. */
  readonly owners = new Map<string, FakeOwner>();
  onChange: (change: Change) => void = () => {};
  #compacted = 1000;
  #log: Change[] = [];
  /** Lists that are being read page by page, by version and node. */
  readonly #snapshots = new Map<string, readonly string[]>();

  /** Adds the pod or changes it. */
  put(pod: FakePod): void {
    const before = this.pods.get(pod.uid)?.pod;
    const text = JSON.stringify(podJson(pod, ++this.version));
    this.pods.set(pod.uid, { pod, text });
    // A watch with a selector sees an object come when it is bound to the node.
    const isNew = before === undefined || before.node !== pod.node;
    this.#record(isNew ? 'ADDED' : 'MODIFIED', pod.node, text);
  }

  delete(uid: string): void {
    const stored = this.pods.get(uid);
    if (stored === undefined) return;
    this.pods.delete(uid);
    const text = JSON.stringify(podJson(stored.pod, ++this.version));
    this.#record('DELETED', stored.pod.node, text);
  }

  /** Forgets the history: who is behind now gets 410. */
  compact(): void {
    this.#log = [];
    this.#compacted = this.version;
    this.#snapshots.clear();
  }

  /** Throws Expired when the continue token is too old. */
  list(node: string | null, limit: number, token: string): Page {
    const [version, begin] =
      token === '' ? [this.version, 0] : (token.split('.').map(Number) as [number, number]);
    const key = `${version} ${node}`;
    const items = token === '' ? this.#select(node) : this.#snapshots.get(key);
    if (items === undefined) throw new Expired();
    const end = begin + limit;
    if (end >= items.length) {
      this.#snapshots.delete(key);
      return { version, items: items.slice(begin), next: '' };
    }
    this.#snapshots.set(key, items);
    return { version, items: items.slice(begin, end), next: `${version}.${end}` };
  }

  /** The changes after a version. Throws Expired when they are compacted. */
  since(version: number, node: string | null): Change[] {
    if (version < this.#compacted) throw new Expired();
    return this.#log.filter((change) => change.version > version && (node === null || change.node === node));
  }

  #select(node: string | null): string[] {
    const selected: string[] = [];
    for (const { pod, text } of this.pods.values())
      if (node === null || pod.node === node) selected.push(text);
    return selected;
  }

  #record(type: WatchType, node: string | null, text: string): void {
    const change = { version: this.version, type, node, line: `{"type":"${type}","object":${text}}\n` };
    this.#log.push(change);
    this.onChange(change);
  }
}
