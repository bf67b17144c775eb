// Who may make directories at a place of a cgroup hierarchy, and so chooses the names there.
//
// The kernel lets whoever owns a directory make others in it, under any name. The root of a hierarchy and systemd's slices
// belong to root. A user manager, a service or scope with `Delegate=`, and a container own what is below them.
import { isKubeletGroup, readUnitName } from './cgroup-names.ts';

/**
 * `system`: root alone, by systemd, the kubelet or a container runtime. `unknown`: a directory that none of them is known
 * to make, which may have been given to somebody. `delegated`: a user, a service, a session. `inside`: a container.
 */
export type Ground = 'system' | 'unknown' | 'delegated' | 'inside';

/** Directories at the root of a hierarchy in which root's own software puts containers. */
const GROUPS: ReadonlySet<string> = new Set([
  // Kubelets with `--cgroup-root` (kind), and those of two clouds.
  ...['kubelet', 'podruntime', 'kuberuntime'],
  // Docker; a runner's jobs in Docker; containerd's namespaces of a kubelet without cgroups of its own, and of nerdctl and ctr.
  ...['docker', 'actions_job', 'k8s.io', 'default'],
  // Kata, Podman, LXC, libvirt, ECS, garden.
  ...['kata_overhead', 'libpod_parent', 'lxc', 'lxc.payload', 'machine', 'ecs', 'garden'],
]);
/** Below a kubelet's tree, where a path of another cgroup namespace may begin. */
const QOS_GROUPS: ReadonlySet<string> = new Set(['burstable', 'besteffort']);

/** Services of root that put containers below themselves when they are told no other place. */
const RUNTIME_SERVICES: ReadonlySet<string> = new Set([
  ...['containerd.service', 'docker.service', 'crio.service', 'cri-docker.service', 'kubelet.service'],
  ...['k3s.service', 'rke2-server.service', 'rke2-agent.service'],
  ...['k0scontroller.service', 'k0sworker.service', 'garden.service', 'microshift.service'],
  ...['snap.microk8s.daemon-containerd.service', 'snap.microk8s.daemon-kubelite.service'],
  ...['snap.docker.dockerd.service'],
]);
/** The installer of k3s gives its service a name of the user's choice after this. */
const K3S_SERVICE = /^k3s-.+\.service$/;

const USER_SLICE = /^user(?:-[0-9]+)?\.slice$/;

const isRuntimeService = (name: string) => RUNTIME_SERVICES.has(name) || K3S_SERVICE.test(name);

/** The ground below a directory that is neither a pod's nor a container's. `parent` is empty at the root of the path. */
export function groundBelow(name: string, parent: string, ground: Ground): Ground {
  if (ground !== 'system') return ground;
  if (USER_SLICE.test(name)) return 'delegated';
  if (name.endsWith('.slice')) return 'system';
  const isTop = parent === '' || parent.endsWith('.slice');
  if (readUnitName(name) !== null) return isTop && isRuntimeService(name) ? 'system' : 'delegated';
  if (!isTop || isKubeletGroup(name)) return 'system';
  return parent === '' && (GROUPS.has(name) || QOS_GROUPS.has(name)) ? 'system' : 'unknown';
}
