// What is known about the place a process runs in, and where each fact comes from.

/** Where a fact comes from. The order is by trust, best first. */
export type Provenance =
  | 'kernel-cgroup'
  | 'procfs'
  | 'cri'
  | 'kube-api'
  | 'downward-api'
  | 'inherited'
  /** The names of the cgroup say so, in a place where others than the kubelet or a runtime may make names. */
  | 'claimed';

/**
 * Why a fact is missing.
 *
 * `pending`: a source was asked and may still answer. `api-unreachable`, `no-permission`: what stands in the way of
 * all sources that could know. `pod-gone-before-seen`: the sources answer, and none has it. `no-source`: none is
 * configured. `not-reported`: the pod is known, this container of it is not. `not-a-pod`: a container outside Kubernetes. `cgroup-unknown`: the cgroup could not be named. `claimed`: only a name says which
 * container it is, so nobody is asked. `contradicted`: the runtime or the API says that the container is another pod's.
 */
export type MissingReason =
  | 'not-a-container'
  | 'not-a-pod'
  | 'no-source'
  | 'not-reported'
  | 'pending'
  | 'cgroup-unknown'
  | 'api-unreachable'
  | 'no-permission'
  | 'pod-gone-before-seen'
  | 'claimed'
  | 'contradicted';

export type QosClass = 'guaranteed' | 'burstable' | 'besteffort';

/** What names claim that are not believed: anybody who may make directories there may have chosen them. */
export interface Claim {
  readonly podUid: string | null;
  readonly containerId: string | null;
  readonly runtime: string | null;
  readonly qos: QosClass | null;
}

/** What the names of a cgroup path say. Null where they say nothing. */
export interface CgroupIdentity {
  readonly containerId: string | null;
  /** In the API's form: with hyphens where the path had underscores. */
  readonly podUid: string | null;
  /** containerd, crio, docker, podman, lxc, nspawn, ecs, garden; null when the path does not tell. */
  readonly runtime: string | null;
  readonly qos: QosClass | null;
  /** `k8s_pod:<uid>`, `container:<first 12 hex>`, `cgroup:<QoS slice>`. */
  readonly tags: readonly string[];
  /** The systemd unit of a host service: of a user's processes the session, or the user manager. */
  readonly unit: string | null;
  /** The unit within a user manager, as the user named it. Absent elsewhere. */
  readonly userUnit?: string;
  /** Absent where no name claims more than is believed. */
  readonly claim?: Claim;
}

/** The identity of one cgroup, resolved once and shared by all events of that cgroup. */
export interface Identity extends CgroupIdentity {
  /** The cgroup path that was used. Null when unknown. */
  readonly cgroupPath: string | null;
  /** The path is cut: names at its root end are missing, so nothing that it says is believed. Absent otherwise. */
  readonly truncated?: true;
  /** Where containerId, podUid and tags come from, or why there are none. */
  readonly provenance: Provenance | MissingReason;
}
