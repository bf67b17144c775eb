// A sidecar sees the processes of its own pod and no others (shareProcessNamespace), but cgroup v2 hides their paths from
// it: they are relative to its own. That they are of this pod is then known from the pid namespace alone, and which pod it
// is from the downward API (kubernetes.io/docs/concepts/workloads/pods/downward-api).
import type { Identity } from './identity.ts';
import type { MetadataSink, MetadataSource, SourceStatus } from './metadata/index.ts';

export interface OwnPodFacts {
  readonly uid: string;
  /** Null where it was not given. */
  readonly name: string | null;
  readonly namespace: string | null;
}

/** Puts everything that is seen into one pod. Only for an agent that sees nothing else. */
export class OwnPod {
  readonly #facts: OwnPodFacts;
  readonly #known = new WeakMap<Identity, Identity>();

  constructor(facts: OwnPodFacts) {
    this.#facts = facts;
  }

  /** Whether the agent's own cgroup, raw text, is in this pod: then who made the directories around it is nobody to doubt. */
  isPlaceOf(path: string): boolean {
    return path.replaceAll('_', '-').includes(`pod${this.#facts.uid}`);
  }

  /** The same identity, with the pod where its cgroup does not name one. */
  place(identity: Identity): Identity {
    if (identity.podUid !== null) return identity;
    let placed = this.#known.get(identity);
    if (placed === undefined) {
      const { uid } = this.#facts;
      placed = Object.freeze({
        ...identity,
        podUid: uid,
        tags: Object.freeze([`k8s_pod:${uid}`, ...identity.tags]),
        unit: null,
        provenance: 'downward-api' as const,
      });
      this.#known.set(identity, placed);
    }
    return placed;
  }

  /** Says the pod's name; null where it was not given. */
  source(node: string): MetadataSource | null {
    const { uid, name, namespace } = this.#facts;
    if (name === null || namespace === null) return null;
    const since = new Date().toISOString();
    const status: SourceStatus = {
      name: 'downward-api',
      endpoint: 'environment',
      state: 'ok',
      reason: null,
      objects: 1,
      requests: 1,
      failures: 0,
      lastSuccess: since,
    };
    const pod = {
      uid,
      name,
      namespace,
      labels: {},
      annotations: {},
      node,
      serviceAccount: null,
      workload: null,
    };
    return {
      name: 'downward-api',
      start: (sink: MetadataSink) => sink.replace('downward-api', [pod], []),
      status: () => status,
      hint() {},
      async close() {},
    };
  }
}
