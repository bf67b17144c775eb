// Cgroup to container, pod and host service, with the provenance of every fact.
export { type CgroupAnswer, parseCgroup, parseCgroupPath, readCgroupFile } from './cgroup-file.ts';
export { CgroupRoots } from './cgroup-roots.ts';
export {
  CgroupRegistry,
  type CgroupRegistryCounts,
  type CgroupRegistryOptions,
} from './cgroup-registry.ts';
export type * from './identity.ts';
export { createProcReader, hasOwnCgroupNamespace } from './proc-reader.ts';
export * from './metadata/index.ts';
export { NameSearch, type NameSearchOptions } from './inferred/name-search.ts';
export { OwnPod, type OwnPodFacts } from './own-pod.ts';
export {
  type Answer,
  type Change,
  type Fields,
  fieldsOf,
  chosenTarget,
  inClusterTarget,
  KUBE_TIMES,
  KubeClient,
  type KubeTarget,
  KubeFailure,
  KubeSource,
  type KubeTimes,
  kubeconfigTarget,
  listOf,
  ObjectFeed,
  parseFields,
  statusFailure,
  textOf,
} from './kube/index.ts';
export {
  askRuntimeVersion,
  CriSource,
  openRuntimeSources,
  type RuntimeChoice,
  RuntimeFailure,
  type RuntimeSocket,
  runtimeSockets,
} from './runtime/index.ts';
