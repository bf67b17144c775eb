// The Kubernetes API as a source of names.
export {
  type InClusterOptions,
  inClusterConnection,
  type KubeAccess,
  type KubeConnection,
  type TlsMaterial,
} from './connection.ts';
export { KubeSource, type KubeSourceOptions } from './kube-source.ts';
export { type KubeconfigOptions, kubeconfigConnection } from './kubeconfig.ts';
export type { PodFeedCounters } from './pod-feed.ts';
export { KUBE_TIMES, type KubeTimes } from './times.ts';
