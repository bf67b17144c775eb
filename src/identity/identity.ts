// What is known about the place a process runs in, and where each fact comes from.

/** Where a fact comes from. The order is by trust, best first. */
export type Provenance = 'kernel-cgroup' | 'procfs' | 'cri' | 'kube-api' | 'inherited';

/** Why a fact is missing. */
export type MissingReason =
  | 'not-a-container'
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
