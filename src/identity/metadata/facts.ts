// What the sources of metadata (Kubernetes API, CRI, Docker, podman, a sidecar's own environment) say of pods and containers.

/** Who said a fact. The order is by trust, best first: a field is taken from the first source that has it. */
export const METADATA_SOURCES = ['kube-api', 'cri', 'docker', 'podman', 'downward-api'] as const;
export type MetadataSourceName = (typeof METADATA_SOURCES)[number];

/** `inferred`: no source has named the container yet; its own mounts say which of the pod's specification it is. */
export type Namer = MetadataSourceName | 'inferred';

/** What owns a pod in the end: the Deployment, not its ReplicaSet. A bare pod is its own: kind `Pod`. */
export interface Workload {
  /** e.g. Deployment, CronJob, StatefulSet, DaemonSet, Job, ReplicaSet, Node (static pod), Pod. */
  readonly kind: string;
  readonly name: string;
}

/** A container as the pod's spec has it: known before the container has an id. */
export interface DeclaredContainer {
  readonly name: string;
  readonly kind: ContainerKind;
  readonly image: string | null;
}

export interface PodFacts {
  /** As in the cgroup path: the API's uid, for a static pod the hash of its manifest. */
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Null where the source does not know. */
  readonly node: string | null;
  readonly serviceAccount: string | null;
  /** Null while unknown; a pod is told again when its owner was found. */
  readonly workload: Workload | null;
  /** Absent where the source knows no specs. */
  readonly declared?: readonly DeclaredContainer[];
}

export type ContainerKind = 'app' | 'init' | 'ephemeral' | 'sandbox';

export interface ContainerFacts {
  /** Full id, without the `containerd://` of the API. */
  readonly id: string;
  /** The pod's uid as in the cgroup path; null outside Kubernetes. */
  readonly podUid: string | null;
  /** The name in the pod's spec; Docker's and podman's name elsewhere. Null for a sandbox. */
  readonly name: string | null;
  readonly kind: ContainerKind;
  readonly image: string | null;
  /** The digest or id that the runtime resolved the image to. */
  readonly imageId: string | null;
  /** RFC 3339. */
  readonly startedAt: string | null;
  /** How many times the container was started before, by the kubelet's count. */
  readonly restartCount: number | null;
}

/** Takes what a source learns. Calls must not throw and cost little: one per change on this node. */
export interface MetadataSink {
  /** Everything the source knows after a complete look; what is not in it is gone. */
  replace(source: MetadataSourceName, pods: readonly PodFacts[], containers: readonly ContainerFacts[]): void;
  /** A pod that is new or changed, with all its containers so far. */
  upsert(source: MetadataSourceName, pod: PodFacts, containers: readonly ContainerFacts[]): void;
  /** A pod that is gone. Its last processes are still attributed for a while: the sink keeps a tombstone. */
  remove(source: MetadataSourceName, podUid: string): void;
}

export type SourceState = 'starting' | 'ok' | 'unreachable' | 'no-permission' | 'misconfigured';

export interface SourceStatus {
  readonly name: MetadataSourceName;
  /** Address or socket, without credentials. */
  readonly endpoint: string;
  readonly state: SourceState;
  /** In words for a person: what failed, why, what to do. Null when all is well. */
  readonly reason: string | null;
  /** Pods (and containers outside pods) known through this source now. */
  readonly objects: number;
  /** Requests made, and those that failed. */
  readonly requests: number;
  readonly failures: number;
  /** When the source last answered, RFC 3339; null when never. */
  readonly lastSuccess: string | null;
}

/** One source. `start` returns at once, never throws, and retries by itself until `close`. */
export interface MetadataSource {
  readonly name: MetadataSourceName;
  start(sink: MetadataSink): void;
  status(): SourceStatus;
  /** A container or pod turned up that nobody has named yet: a polling source looks soon, others ignore it. */
  hint(): void;
  /** Idempotent. Nothing reaches the sink afterwards. */
  close(): Promise<void>;
}
