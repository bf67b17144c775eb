// The Kubernetes API as a source of names.
export { type ChosenApi, chosenConnection } from './chosen-connection.ts';
export {
  type InClusterOptions,
  inClusterConnection,
  type KubeAccess,
  type KubeConnection,
  type TlsMaterial,
} from './connection.ts';
export { type Answer, type Change, KubeClient } from './http-client.ts';
export { type Fields, fieldsOf, listOf, parseFields, textOf } from './json.ts';
export { KubeFailure, statusFailure } from './kube-failure.ts';
export { KubeSource, type KubeSourceOptions } from './kube-source.ts';
export { type KubeconfigOptions, kubeconfigConnection } from './kubeconfig.ts';
export { type FeedCounters, type FeedResource, ObjectFeed } from './object-feed.ts';
export { KUBE_TIMES, type KubeTimes } from './times.ts';
