// Cgroup to container, pod and host service, with the provenance of every fact.
export type * from './identity.ts';
