// What is known about the place a process runs in, and where each fact comes from.

/** Where a fact comes from. The order is by trust, best first. */
export type Provenance = 'kernel-cgroup' | 'procfs' | 'cri' | 'kube-api' | 'downward-api' | 'inherited';

/**
 * Why a fact is missing.
 *
 * `pending`: a source was asked and may still answer. `api-unreachable`, `no-permission`: what stands in the way of
 * all sources that could know. `pod-gone-before-seen`: the sources answer, and none has it. `no-source`: none is
 * configured. `not-reported`: the pod is known, this container of it is not. `not-a-pod`: a container outside Kubernetes. `cgroup-unknown`: the cgroup could not be named.
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
  | 'pod-gone-before-seen';

export type QosClass = 'guaranteed' | 'burstable' | 'besteffort';

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
  /** The systemd unit of a host service. */
  readonly unit: string | null;
}

/** The identity of one cgroup, resolved once and shared by all events of that cgroup. */
export interface Identity extends CgroupIdentity {
  /** The cgroup path that was used. Null when unknown. */
  readonly cgroupPath: string | null;
  /** Where containerId, podUid and tags come from, or why there are none. */
  readonly provenance: Provenance | MissingReason;
}
