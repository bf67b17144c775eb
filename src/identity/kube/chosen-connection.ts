// Which Kubernetes API is asked, by the keys `kubernetes.api` and `kubernetes.context`.
import { inClusterConnection, type KubeConnection } from './connection.ts';
import { kubeconfigConnection } from './kubeconfig.ts';

export interface ChosenApi {
  /** `auto`, `in-cluster`, `off`, or the path of a kubeconfig. */
  readonly api: string;
  readonly context: string | null;
}

/** Null where none is to be asked: `off`, or `auto` outside a pod. */
export function chosenConnection({ api, context }: ChosenApi): KubeConnection | null {
  switch (api) {
    case 'off':
      return null;
    case 'auto':
      return process.env.KUBERNETES_SERVICE_HOST === undefined ? null : inClusterConnection();
    case 'in-cluster':
      return inClusterConnection();
    default:
      return kubeconfigConnection({ path: api, ...(context === null ? {} : { context }) });
  }
}
