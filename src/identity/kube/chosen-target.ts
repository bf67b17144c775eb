// Which Kubernetes API is asked, by the keys `kubernetes.api` and `kubernetes.context`.
import { inClusterTarget, type KubeTarget } from './target.ts';
import { kubeconfigTarget } from './kubeconfig.ts';

export interface ChosenApi {
  /** `auto`, `in-cluster`, `off`, or the path of a kubeconfig. */
  readonly api: string;
  readonly context: string | null;
}

/** Null where none is to be asked: `off`, or `auto` outside a pod. */
export function chosenTarget({ api, context }: ChosenApi): KubeTarget | null {
  switch (api) {
    case 'off':
      return null;
    case 'auto':
      return process.env.KUBERNETES_SERVICE_HOST === undefined ? null : inClusterTarget();
    case 'in-cluster':
      return inClusterTarget();
    default:
      return kubeconfigTarget({ path: api, ...(context === null ? {} : { context }) });
  }
}
