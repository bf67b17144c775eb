// Keeps the service account's token of the application from the sidecar, which has no use for it.
//
// Kubernetes mounts the token into every container that has nothing at that path already, and has no switch for one
// container alone. So an empty volume goes there. It is a downwardAPI volume: with an emptyDir `kubectl drain` and the
// cluster autoscaler would take the pod for one that keeps data on its node.
import { NO_TOKEN_VOLUME } from './names.ts';
import type { Pod } from './pod.ts';

/** Parts of a pod, as in the Pod of Kubernetes. */
export const NO_TOKEN = {
  volume: { name: NO_TOKEN_VOLUME, downwardAPI: { items: [] } },
  mount: {
    name: NO_TOKEN_VOLUME,
    // As the API server compares it (plugin/pkg/admission/serviceaccount).
    mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
    readOnly: true,
  },
} as const;

/** Whether the sidecar has the empty volume: not where no token is mounted, nor where another volume has the name. */
export function hidesToken(pod: Pod): boolean {
  const isTaken = (pod.spec.volumes ?? []).some(({ name }) => name === NO_TOKEN_VOLUME);
  return pod.spec.automountServiceAccountToken !== false && (!isTaken || hasNoTokenVolume(pod));
}

/** Whether the empty volume is there already. */
export const hasNoTokenVolume = ({ spec }: Pod): boolean =>
  (spec.volumes ?? []).some(
    ({ name, downwardAPI }) =>
      name === NO_TOKEN_VOLUME && downwardAPI != null && (downwardAPI.items ?? []).length === 0,
  );
