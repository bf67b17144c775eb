// Pods as a test thinks of them, as the API writes them, and as the source should tell them.
import type { ContainerFacts, PodFacts, Workload } from '../metadata/index.ts';

export interface FakeContainer {
  readonly name: string;
  readonly kind: 'app' | 'init' | 'ephemeral';
  readonly image: string;
  /** Ids of its lives, oldest first; none before it was started. */
  readonly lives: readonly string[];
}

export interface FakePod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  /** Null while unscheduled. */
  readonly node: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The hash of a static pod's manifest: 32 hex digits. The pod is then a mirror, and owned by its node. */
  readonly staticHash: string | null;
  /** Beside the pod's own; they may claim anything. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly containers: readonly FakeContainer[];
  readonly owner: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
  } | null;
}

export function fakePod(uid: string, changes: Partial<FakePod> = {}): FakePod {
  return {
    uid,
    name: `pod-${uid}`,
    namespace: 'shop',
    node: 'node-1',
    labels: { app: 'api' },
    annotations: {},
    staticHash: null,
    metadata: {},
    containers: [fakeContainer('main', [`${uid}-main-0`])],
    owner: null,
    ...changes,
  };
}

export function fakeContainer(
  name: string,
  lives: readonly string[],
  kind: FakeContainer['kind'] = 'app',
): FakeContainer {
  return { name, kind, image: `registry.example/${name}:1`, lives };
}

/** Of a life, by its number. */
export const startOf = (life: number) =>
  new Date(Date.UTC(2026, 0, 1, 0, 0, life)).toISOString().replace('.000', '');

const STATUSES = {
  app: 'containerStatuses',
  init: 'initContainerStatuses',
  ephemeral: 'ephemeralContainerStatuses',
};
const SPECS = { app: 'containers', init: 'initContainers', ephemeral: 'ephemeralContainers' };

/** As kube-apiserver writes it, without what nobody reads. */
export function podJson(pod: FakePod, resourceVersion: number): object {
  const spec: Record<string, unknown[]> = {};
  const status: Record<string, unknown[]> = {};
  for (const { name, kind, image, lives } of pod.containers) {
    const life = lives.length - 1;
    const ended = {
      exitCode: 1,
      reason: 'Error',
      startedAt: startOf(life - 1),
      containerID: `containerd://${lives[life - 1]}`,
    };
    const started = {
      containerID: `containerd://${lives[life]}`,
      imageID: `${image}@sha256:1`,
      state: { running: { startedAt: startOf(life) } },
      lastState: life > 0 ? { terminated: ended } : {},
    };
    const waiting = { imageID: '', state: { waiting: { reason: 'ContainerCreating' } }, lastState: {} };
    add(spec, SPECS[kind], { name, image });
    add(status, STATUSES[kind], {
      name,
      image,
      ready: life >= 0,
      restartCount: Math.max(0, life),
      ...(life >= 0 ? started : waiting),
    });
  }
  const hash = pod.staticHash;
  const mirror = hash === null ? {} : mirrorAnnotations(hash);
  const owner = ownerOf(pod);
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      uid: pod.uid,
      name: pod.name,
      namespace: pod.namespace,
      resourceVersion: String(resourceVersion),
      labels: pod.labels,
      annotations: { ...pod.annotations, ...mirror },
      ...(owner === null ? {} : { ownerReferences: [{ ...owner, controller: true }] }),
      ...pod.metadata,
    },
    spec: { ...spec, serviceAccountName: 'default', ...(pod.node === null ? {} : { nodeName: pod.node }) },
    status: { phase: 'Running', ...status },
  };
}

/** As the kubelet writes them on the pod that stands in the API for a static one. */
export const mirrorAnnotations = (hash: string) => ({
  'kubernetes.io/config.hash': hash,
  'kubernetes.io/config.mirror': hash,
  'kubernetes.io/config.seen': '2026-01-01T00:00:00.000000000Z',
  'kubernetes.io/config.source': 'file',
});

/** The controller: of a static pod its node. */
export function ownerOf({ owner, staticHash, node }: FakePod): FakePod['owner'] {
  if (staticHash === null) return owner;
  return { apiVersion: 'v1', kind: 'Node', name: node ?? '', uid: `uid-${node}` };
}

/** What the source should tell with all labels and no annotations allowed. */
export function expectedPod(pod: FakePod, workload: Workload | null): PodFacts {
  const { name, namespace, node, labels } = pod;
  const uid = pod.staticHash ?? pod.uid;
  const declared = (['app', 'init', 'ephemeral'] as const).flatMap((kind) =>
    pod.containers
      .filter((container) => container.kind === kind)
      .map((container) => ({ name: container.name, kind, image: container.image })),
  );
  const rest = { annotations: {}, node, serviceAccount: 'default', workload, declared };
  return { uid, name, namespace, labels, ...rest };
}

export function expectedContainers(pod: FakePod): ContainerFacts[] {
  return pod.containers.flatMap(({ name, kind, image, lives }) =>
    lives.slice(-2).map((id) => {
      const life = lives.indexOf(id);
      const podUid = pod.staticHash ?? pod.uid;
      const imageId = `${image}@sha256:1`;
      return { id, podUid, name, kind, image, imageId, startedAt: startOf(life), restartCount: life };
    }),
  );
}

function add(lists: Record<string, unknown[]>, key: string, item: object): void {
  lists[key] = [...(lists[key] ?? []), item];
}
