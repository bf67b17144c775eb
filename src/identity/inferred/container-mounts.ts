// What the mounts of a container's process say of the container: the kubelet and the runtime bind files of their own into it,
// and the paths of those name it.
//
// The kubelet gives every container a file for its last words, `<root>/pods/<uid>/containers/<name>/<8 hex>`
// (pkg/kubelet/kubelet_pods.go, makeMounts; kuberuntime_container.go, makeMounts). A runtime gives every container of a pod the
// files of the pod's sandbox, in a directory named after the sandbox: containerd `…/sandboxes/<id>/resolv.conf`, CRI-O
// `…/overlay-containers/<id>/userdata/resolv.conf`, dockershim `…/containers/<id>/resolv.conf`; the sandbox itself has them too.

/** Null: the mounts do not tell (yet), or name two. A sandbox has no name. */
export type MountedName =
  | { readonly kind: 'container'; readonly name: string }
  | { readonly kind: 'sandbox' };

const LAST_WORDS = /\/pods\/([^/]+)\/containers\/([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\/[0-9a-f]{1,16}$/;
const SANDBOX_FILE = /\/([0-9a-f]{64})\/(?:userdata\/)?(?:resolv\.conf|hostname|shm)$/;

/**
 * `mountinfo`: the text of /proc/PID/mountinfo (proc_pid_mountinfo(5)): the fourth field of a line is the path, within its
 * filesystem, of what is mounted. Whoever may mount in a container can change its mounts, but only to another name
 * of the pod that its cgroup is in.
 */
export function readMountedName(mountinfo: string, podUid: string, containerId: string): MountedName | null {
  let name: string | null = null;
  let isSandbox = false;
  for (const line of mountinfo.split('\n')) {
    const root = line.split(' ', 4)[3] ?? '';
    const words = LAST_WORDS.exec(root);
    if (words !== null && words[1] === podUid) {
      if (name !== null && name !== words[2]) return null;
      name = words[2]!;
    } else if (SANDBOX_FILE.exec(root)?.[1] === containerId) isSandbox = true;
  }
  if (name !== null) return isSandbox ? null : { kind: 'container', name };
  return isSandbox ? { kind: 'sandbox' } : null;
}
