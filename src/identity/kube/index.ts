// The Kubernetes API as a source of names.
export { type ChosenApi, chosenTarget } from './chosen-target.ts';
export {
  type InClusterOptions,
  inClusterTarget,
  type KubeAccess,
  type KubeTarget,
  type TlsMaterial,
} from './target.ts';
export { type Answer, type Change, KubeClient } from './http-client.ts';
export { type Fields, fieldsOf, listOf, parseFields, textOf } from './json.ts';
export { KubeFailure, statusFailure } from './kube-failure.ts';
export { KubeSource, type KubeSourceOptions } from './kube-source.ts';
export { type KubeconfigOptions, kubeconfigTarget } from './kubeconfig.ts';
export { type FeedCounters, type FeedResource, ObjectFeed } from './object-feed.ts';
export { KUBE_TIMES, type KubeTimes } from './times.ts';
