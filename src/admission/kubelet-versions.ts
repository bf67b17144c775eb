// The versions of the kubelets, kept by a watch: the oldest of them decides what a pod may hold.
import {
  type Fields,
  fieldsOf,
  KubeClient,
  type KubeTarget,
  KUBE_TIMES,
  type KubeTimes,
  ObjectFeed,
  textOf,
} from '../identity/kube/index.ts';
import { isSidecarVersion, parseVersion, type Version } from './cluster-version.ts';

interface NamedKubelet {
  readonly node: string;
  /** As the node tells it, e.g. `v1.29.4-eks-036c24b`. */
  readonly text: string;
  /** Null for what is none: that counts as the oldest. */
  readonly version: Version | null;
}

export interface KubeletVersionsOptions {
  readonly target: KubeTarget;
  /** Takes what a person should read, once per reason. */
  readonly warn: (text: string) => void;
  readonly times?: KubeTimes;
}

export class KubeletVersions {
  readonly #client: KubeClient;
  readonly #feed: ObjectFeed<NamedKubelet>;
  readonly #warn: (text: string) => void;
  #known = new Map<string, NamedKubelet>();
  #listed = false;
  #running: Promise<void> | undefined;
  /** Why the watch does not work now; null while it does. */
  #reason: string | null = 'the nodes were not read yet';

  constructor({ target, warn, times }: KubeletVersionsOptions) {
    const all = { ...KUBE_TIMES, ...times };
    this.#client = new KubeClient(target, all, () => {});
    this.#warn = warn;
    this.#feed = new ObjectFeed(this.#client, { name: 'nodes', path: '/api/v1/nodes' }, all, {
      parse: parseNode,
      listed: (list) => {
        this.#known = new Map(list.map((kubelet) => [kubelet.node, kubelet]));
        this.#listed = true;
        this.#reason = null;
      },
      changed: (kubelet) => void this.#known.set(kubelet.node, kubelet),
      deleted: ({ node }) => void this.#known.delete(node),
      answered: () => {},
      interrupted: () => {},
      failed: ({ message }) => this.#fail(message),
    });
  }

  start(): void {
    this.#running ??= this.#feed.run();
  }

  /** Whether the nodes were read once; what is known already is still used when the API goes away. */
  get known(): boolean {
    return this.#listed;
  }

  /** Why a native sidecar could not run on every node; null when it can. */
  get obstacle(): string | null {
    if (!this.#listed) return `the versions of the kubelets are unknown: ${this.#reason}`;
    for (const { node, text, version } of this.#known.values())
      if (version === null || !isSidecarVersion(version))
        return `the node ${node} has kubelet ${text || 'of an unknown version'}`;
    return null;
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.#running;
  }

  #fail(message: string): void {
    if (this.#reason !== message) this.#warn(`nodes cannot be followed: ${message}`);
    this.#reason = message;
  }
}

function parseNode(object: Fields): NamedKubelet | null {
  const node = textOf(fieldsOf(object.metadata).name);
  if (node === null) return null;
  const text = textOf(fieldsOf(fieldsOf(object.status).nodeInfo).kubeletVersion)?.slice(0, 60) ?? '';
  return { node, text, version: parseVersion(text) };
}
