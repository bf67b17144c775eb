// Who owns a pod in the end: which owners have owners, and what their names tell where the API does not.
import type { Workload } from '../metadata/index.ts';

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** An owner that may have an owner: a ReplicaSet of a Deployment, a Job of a CronJob. */
export interface Intermediate {
  /** As RBAC names it. */
  readonly resource: 'replicasets.apps' | 'jobs.batch';
  /** Of the request for it. */
  readonly path: string;
}

/** Null for an owner that is the workload itself. */
export function intermediateOf(owner: OwnerReference, namespace: string): Intermediate | null {
  if (!NAME.test(owner.name) || !NAME.test(namespace)) return null;
  const place = `namespaces/${namespace}`;
  if (owner.kind === 'ReplicaSet' && owner.apiVersion.startsWith('apps/'))
    return { resource: 'replicasets.apps', path: `/apis/apps/v1/${place}/replicasets/${owner.name}` };
  if (owner.kind === 'Job' && owner.apiVersion.startsWith('batch/'))
    return { resource: 'jobs.batch', path: `/apis/batch/v1/${place}/jobs/${owner.name}` };
  return null;
}

/**
 * The workload by the owner's name, as the controllers make names: a Deployment's ReplicaSet ends in the hash that its
 * pods carry as a label, a CronJob's Job in the minute (formerly the second) of its schedule. Otherwise the owner.
 */
export function guessWorkload(owner: OwnerReference, templateHash: string | null): Workload {
  const { kind, name } = owner;
  if (kind === 'ReplicaSet' && templateHash !== null && name.endsWith(`-${templateHash}`)) {
    const deployment = name.slice(0, -templateHash.length - 1);
    if (deployment !== '') return { kind: 'Deployment', name: deployment };
  }
  const cronJob = kind === 'Job' ? /^(.+)-\d{8,10}$/.exec(name)?.[1] : undefined;
  return cronJob === undefined ? { kind, name } : { kind: 'CronJob', name: cronJob };
}

/** What may stand in a path: the API allows no other names. */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
