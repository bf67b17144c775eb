// The pod of a container whose cgroup is in none (`/k8s.io/<id>`, `/docker/<id>`): the one that the sources say it is in.
import type { Identity } from '../identity.ts';
import type { Metadata } from './metadata.ts';

/** Metadata is of one identity, so this is made once for each. */
const placed = new WeakMap<Metadata, Identity>();

/** The same identity, with the pod and its tag where only the metadata knows them. */
export function withPod(identity: Identity, metadata: Metadata | null): Identity {
  if (metadata?.podUid === undefined || identity.podUid !== null) return identity;
  let known = placed.get(metadata);
  if (known === undefined) {
    const { podUid } = metadata;
    known = Object.freeze({
      ...identity,
      podUid,
      tags: Object.freeze([`k8s_pod:${podUid}`, ...identity.tags]),
    });
    placed.set(metadata, known);
  }
  return known;
}
