// What the kubelet would make of the first container of a pod, as far as the tests' CRI client can say it.
import type { Manifest } from '../deploy/rendered.ts';
import type { ImageRun } from './contained.ts';

export function runOf(pod: Manifest['spec']): Omit<ImageRun, 'image'> {
  const [container] = pod.containers;
  const { securityContext } = container;
  const variables = container.env as { name: string; value?: string }[];
  const volumes = (pod.volumes ?? []) as { name: string; hostPath: { path: string } }[];
  const mounts = (container.volumeMounts ?? []) as { name: string; mountPath: string; readOnly: boolean }[];
  return {
    args: container.args,
    hostPid: pod.hostPID === true,
    // Of the downward API there is only the name of the node.
    env: Object.fromEntries(variables.map(({ name, value }) => [name, value ?? 'node-a'])),
    mounts: mounts.map(({ name, mountPath, readOnly }) => ({
      container_path: mountPath,
      host_path: volumes.find((volume) => volume.name === name)!.hostPath.path,
      readonly: readOnly,
    })),
    security: {
      capabilities: securityContext.capabilities.add,
      user: securityContext.runAsUser,
      groups: pod.securityContext?.supplementalGroups ?? [],
      noNewPrivileges: !securityContext.allowPrivilegeEscalation,
      readOnlyRoot: securityContext.readOnlyRootFilesystem,
    },
  };
}
