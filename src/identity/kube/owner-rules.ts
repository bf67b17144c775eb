// Who owns a pod in the end: which owners have owners, and what their names tell where the API does not.
import type { Workload } from '../metadata/index.ts';
import { type Fields, listOf } from './json.ts';

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** What a pod's labels tell of its owners. */
export interface OwnerHints {
  /** `pod-template-hash`, by a Deployment. */
  readonly templateHash: string | null;
  /** `deploymentconfig`, by OpenShift's DeploymentConfig. */
  readonly deploymentConfig: string | null;
}

/** How an object is asked for. */
export interface OwnerResource {
  /** As RBAC names it, e.g. `replicasets.apps`. */
  readonly name: string;
  /** In the path, e.g. `replicasets`. */
  readonly plural: string;
  readonly namespaced: boolean;
}

const known = (plural: string, group: string): OwnerResource => ({
  plural,
  name: group === '' ? plural : `${plural}.${group}`,
  namespaced: true,
});

/** Owners that mostly have owners: the chart's ClusterRole allows to read them. By API group and kind. */
const INTERMEDIATE: Readonly<Record<string, OwnerResource>> = {
  'apps ReplicaSet': known('replicasets', 'apps'),
  'batch Job': known('jobs', 'batch'),
  ' ReplicationController': known('replicationcontrollers', ''),
};

/** What people call their workload; who made it in turn (an operator, say) is not asked. */
const ENDS = new Set([
  ...['apps Deployment', 'apps StatefulSet', 'apps DaemonSet', 'batch CronJob', ' Node', ' Pod'],
  'apps.openshift.io DeploymentConfig',
]);

/**
 * `end`: the owner is the workload itself. `intermediate`: it is asked for by its resource. `foreign`: a kind that is not
 * Kubernetes' own, whose resource has to be looked up first.
 */
export type OwnerKind = 'end' | OwnerResource | 'foreign';

export function ownerKind(owner: OwnerReference, namespace: string): OwnerKind {
  if (!NAME.test(owner.name) || !NAME.test(namespace) || !VERSION.test(owner.apiVersion)) return 'end';
  const type = `${groupOf(owner)} ${owner.kind}`;
  if (ENDS.has(type)) return 'end';
  return INTERMEDIATE[type] ?? (groupOf(owner) === '' ? 'end' : 'foreign');
}

/** Of the request for the owner. */
export function ownerPath(
  owner: OwnerReference,
  { plural, namespaced }: OwnerResource,
  namespace: string,
): string {
  const place = namespaced ? `namespaces/${namespace}/` : '';
  return `${versionPath(owner)}/${place}${plural}/${owner.name}`;
}

/** Of the request for all resources of the owner's API version. */
export const versionPath = ({ apiVersion }: OwnerReference): string =>
  apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;

/** The resource of the owner's kind in an APIResourceList; null when it is not there. */
export function resourceIn(list: Fields | null, owner: OwnerReference): OwnerResource | null {
  for (const { name, kind, namespaced } of listOf(list?.resources))
    if (kind === owner.kind && typeof name === 'string' && NAME.test(name) && !name.includes('.'))
      return { plural: name, name: `${name}.${groupOf(owner)}`, namespaced: namespaced === true };
  return null;
}

/**
 * The workload by the owner's name, as the controllers make names: a Deployment's ReplicaSet ends in the hash that its
 * pods carry as a label, a DeploymentConfig's ReplicationController in a number after the name in a label, a CronJob's
 * Job in the minute (formerly the second) of its schedule. Otherwise the owner.
 */
export function guessWorkload(
  owner: OwnerReference,
  { templateHash, deploymentConfig }: OwnerHints,
): Workload {
  const { kind, name } = owner;
  if (kind === 'ReplicaSet' && templateHash !== null && name.endsWith(`-${templateHash}`)) {
    const deployment = name.slice(0, -templateHash.length - 1);
    if (deployment !== '') return { kind: 'Deployment', name: deployment };
  }
  if (kind === 'ReplicationController' && deploymentConfig !== null && /-\d{1,9}$/.test(name)) {
    if (name.replace(/-\d+$/, '') === deploymentConfig)
      return { kind: 'DeploymentConfig', name: deploymentConfig };
  }
  const cronJob = kind === 'Job' ? /^(.+)-\d{8,10}$/.exec(name)?.[1] : undefined;
  return cronJob === undefined ? { kind, name } : { kind: 'CronJob', name: cronJob };
}

const groupOf = ({ apiVersion }: OwnerReference): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';

/** What may stand in a path: the API allows no other names. */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const VERSION = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?v[a-z0-9]{1,62}$/;
