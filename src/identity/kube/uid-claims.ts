// Which pod speaks for a uid of cgroup paths, when several say that it is theirs.
//
// The uid of a static pod stands in annotations, which whoever may create pods can write. So the API's own word goes
// before annotations; among those, a kubelet's status (only it may write one), then the older pod. Whoever was
// contradicted by one of the first two is not believed later either, when that pod is gone but its processes are not.
import type { KnownPod } from './pod-facts.ts';

export class UidClaims {
  /** By the uid in cgroup paths, then by the API's. */
  readonly #claims = new Map<string, Map<string, KnownPod>>();
  /** The API's uids of pods that were contradicted. */
  readonly #liars = new Set<string>();

  /** These, and no others. */
  replace(pods: Iterable<KnownPod>): void {
    this.#claims.clear();
    const apiUids = new Set<string>();
    for (const pod of pods) {
      apiUids.add(pod.apiUid);
      this.#add(pod);
    }
    // Once for all of a uid: whoever may create pods can make any number of claims.
    for (const uid of this.#claims.keys()) this.#findLiars(uid);
    for (const apiUid of this.#liars) if (!apiUids.has(apiUid)) this.#liars.delete(apiUid);
  }

  /** In place of what the pod claimed before. */
  set(pod: KnownPod, before: KnownPod | undefined): void {
    if (before !== undefined) this.#drop(before);
    this.#add(pod);
    this.#findLiars(pod.facts.uid);
  }

  delete(pod: KnownPod): void {
    this.#drop(pod);
    this.#liars.delete(pod.apiUid);
  }

  /** Undefined when nobody who can be believed claims the uid. */
  speaker(uid: string): KnownPod | undefined {
    return this.#best(uid, ({ apiUid }) => !this.#liars.has(apiUid));
  }

  #add(pod: KnownPod): void {
    const claims = this.#claims.get(pod.facts.uid) ?? new Map<string, KnownPod>();
    this.#claims.set(pod.facts.uid, claims.set(pod.apiUid, pod));
  }

  #findLiars(uid: string): void {
    const best = this.#best(uid, () => true);
    if (best === undefined || (!isOwn(best) && !hasStatus(best))) return;
    for (const other of this.#claims.get(uid)!.values())
      if (!isSamePod(other, best)) this.#liars.add(other.apiUid);
  }

  #best(uid: string, counts: (pod: KnownPod) => boolean): KnownPod | undefined {
    let best: KnownPod | undefined;
    for (const pod of this.#claims.get(uid)?.values() ?? [])
      if (counts(pod) && (best === undefined || byTrust(pod, best) < 0)) best = pod;
    return best;
  }

  #drop({ apiUid, facts: { uid } }: KnownPod): void {
    const claims = this.#claims.get(uid);
    claims?.delete(apiUid);
    if (claims?.size === 0) this.#claims.delete(uid);
  }
}

function byTrust(a: KnownPod, b: KnownPod): number {
  return (
    Number(isOwn(b)) - Number(isOwn(a)) ||
    Number(hasStatus(b)) - Number(hasStatus(a)) ||
    compare(a.createdAt ?? LAST, b.createdAt ?? LAST) ||
    compare(a.apiUid, b.apiUid)
  );
}

const isOwn = ({ apiUid, facts }: KnownPod) => facts.uid === apiUid;
const hasStatus = ({ containers }: KnownPod) => containers.length > 0;
/** A static pod whose entry in the API was made anew. */
const isSamePod = ({ facts: a }: KnownPod, { facts: b }: KnownPod) =>
  a.name === b.name && a.namespace === b.namespace;

/** After every time as the API writes it: RFC 3339 in whole seconds and UTC, so that texts sort as times do. */
const LAST = '~';
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
