// Names the pods and containers of identities, from everything that the sources have told.
//
// A lookup is one WeakMap read as long as nothing changed. What is missing has a reason, and the reason changes
// with time: a pod that nobody has named yet is `pending` while a source may still answer, and
// `pod-gone-before-seen` when all sources that answer have had their time.
//
// Nobody gets names by a name alone: of a container that is only claimed nobody is asked, and where every source that knows
// the container says that it is of another pod than its cgroup does, neither is named (`contradicted`).
//
// A container that no source knows yet is called what its own mounts say (`inferred`, see NameSearch), if its pod's
// specification has that name; what a source says later is compared with it.
import type { Identity, MissingReason } from '../identity.ts';
import {
  type ContainerFacts,
  METADATA_SOURCES,
  type MetadataSink,
  type MetadataSource,
  type MetadataSourceName,
  type PodFacts,
  type SourceStatus,
} from './facts.ts';
import {
  composeMetadata,
  type Metadata,
  type MetadataParts,
  type MetadataProvenance,
  type Said,
} from './metadata.ts';
import { type InferredCounts, InferredNames } from './inferred-names.ts';
import { ToldFacts } from './told-facts.ts';

export interface MetadataStoreOptions {
  readonly sources: readonly MetadataSource[];
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** How long pods and containers that are gone keep their names, and how many of them. */
  readonly retentionMs: number;
  readonly maxGone: number;
  /** The node of every pod here, where no source names it. */
  readonly nodeName: string;
}

/** How long a source that answers may take to learn of a new pod before the pod counts as missed. */
export const GONE_AFTER_MS = 10_000;
/** How often the reason for a gap is looked at again. */
const RECHECK_MS = 250;
/** Pods and containers without a name that are remembered with the time of their first sight. */
const MAX_UNNAMED = 4096;

/** What the sources say of an identity, as far as they agree with it. */
interface Known {
  /** Of the cgroup, or of the container where the cgroup is in no pod. */
  readonly podUid: string | null;
  readonly pods: readonly Said<PodFacts>[];
  readonly containers: readonly Said<ContainerFacts>[];
  /** Why nothing that they say is taken. */
  readonly refused: 'claimed' | 'contradicted' | null;
}

const CLAIMED: Known = { podUid: null, pods: [], containers: [], refused: 'claimed' };

interface Cached {
  readonly metadata: Metadata;
  /** Of the store when this was last found true. */
  version: number;
  /** The facts that this was made of, of each source in turn. */
  readonly basis: readonly unknown[];
  /** When to look again although nothing changed; Infinity when nothing is missing. */
  readonly untilMs: number;
}

export class MetadataStore implements MetadataSink {
  readonly #options: MetadataStoreOptions;
  readonly #told = new Map<MetadataSourceName, ToldFacts>();
  readonly #inferred = new InferredNames();
  readonly #cache = new WeakMap<Identity, Cached>();
  /** Pod uids and container ids that no source has named, and since when. */
  readonly #unnamed: FirstSeen = new Map();
  /** Likewise pods whose workload is not known. */
  readonly #unowned: FirstSeen = new Map();
  #version = 0;
  #contradicted = 0;
  #closed = false;

  constructor(options: MetadataStoreOptions) {
    this.#options = options;
    for (const { name } of options.sources) {
      this.#told.set(name, new ToldFacts({ ms: options.retentionMs, count: options.maxGone }));
    }
  }

  start(): void {
    for (const source of this.#options.sources) source.start(this);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#options.sources.map((source) => source.close()));
  }

  /** Whether anybody can be asked at all. */
  get hasSources(): boolean {
    return this.#options.sources.length > 0;
  }

  sources(): SourceStatus[] {
    return this.#options.sources.map((source) => source.status());
  }

  /** `contradicted`: cgroups so far whose container is another pod's by what the sources say. */
  counts(): { pods: number; containers: number; gone: number; unnamed: number; contradicted: number } {
    const sum = {
      pods: 0,
      containers: 0,
      gone: 0,
      unnamed: this.#unnamed.size,
      contradicted: this.#contradicted,
    };
    for (const { counts } of this.#told.values()) {
      // Sources know the same pods.
      sum.pods = Math.max(sum.pods, counts.pods);
      sum.containers = Math.max(sum.containers, counts.containers);
      sum.gone = Math.max(sum.gone, counts.gone);
    }
    return sum;
  }

  replace(
    source: MetadataSourceName,
    pods: readonly PodFacts[],
    containers: readonly ContainerFacts[],
  ): void {
    this.#change(source, containers, (told, nowMs) => told.replace(pods, containers, nowMs));
  }

  upsert(source: MetadataSourceName, pod: PodFacts, containers: readonly ContainerFacts[]): void {
    this.#change(source, containers, (told, nowMs) => told.upsert(pod, containers, nowMs));
  }

  remove(source: MetadataSourceName, podUid: string): void {
    this.#change(source, [], (told, nowMs) => told.remove(podUid, nowMs));
  }

  isNamed(containerId: string): boolean {
    return (
      this.#inferred.has(containerId) ||
      [...this.#told.values()].some((told) => told.container(containerId) !== undefined)
    );
  }

  /** What the mounts of a container that no source knows say of it; `name` null: it is the sandbox. */
  infer(podUid: string, containerId: string, name: string | null): void {
    this.#inferred.add(podUid, containerId, name);
    this.#version++;
  }

  inferredCounts(): InferredCounts {
    return this.#inferred.counts();
  }

  #change(
    source: MetadataSourceName,
    containers: readonly ContainerFacts[],
    change: (told: ToldFacts, nowMs: number) => void,
  ): void {
    const told = this.#told.get(source);
    if (told === undefined || this.#closed) return;
    const nowMs = this.#options.nowMs();
    change(told, nowMs);
    for (const container of containers) this.#inferred.compare(container);
    told.expire(nowMs);
    this.#version++;
  }

  /** As `lookup` when all that can be known is; null when something is missing that may still come. */
  settled(identity: Identity): Metadata | null {
    const cached = this.#cache.get(identity);
    const isFresh = cached !== undefined && cached.version === this.#version && cached.untilMs === Infinity;
    return isFresh ? cached.metadata : null;
  }

  /** What is known of the identity's pod and container now. The same object as long as nothing changes. */
  lookup(identity: Identity): Metadata {
    const settled = this.settled(identity);
    if (settled !== null) return settled;
    const cached = this.#cache.get(identity);
    const nowMs = this.#options.nowMs();
    const basis = cached?.version === this.#version ? cached.basis : this.#basisOf(identity);
    if (cached !== undefined && nowMs < cached.untilMs && isSameList(cached.basis, basis)) {
      // The sources have told something of others.
      cached.version = this.#version;
      return cached.metadata;
    }
    const fresh = this.#compose(identity, nowMs);
    const same = cached !== undefined && JSON.stringify(cached.metadata) === JSON.stringify(fresh);
    const metadata = same ? cached.metadata : fresh;
    if (metadata.provenance.pod === 'contradicted' && cached?.metadata.provenance.pod !== 'contradicted')
      this.#contradicted++;
    const isSettled = !Object.values(metadata.provenance).some(isTransient);
    this.#cache.set(identity, {
      metadata,
      version: this.#version,
      basis,
      untilMs: isSettled ? Infinity : nowMs + RECHECK_MS,
    });
    return metadata;
  }

  /**
   * How long ago an identity without a name was first looked up, in milliseconds; null when its pod, container and
   * workload are known, or nobody who answers could know them.
   */
  pendingSinceMs(identity: Identity): number | null {
    const { provenance, podUid = identity.podUid } = this.lookup(identity);
    const since = [
      provenance.pod === 'pending' ? this.#unnamed.get(podKey(podUid)) : undefined,
      provenance.container === 'pending' ? this.#unnamed.get(containerKey(identity)) : undefined,
      provenance.workload === 'pending' ? this.#unowned.get(podKey(podUid)) : undefined,
    ].filter((ms) => ms !== undefined);
    return since.length === 0 ? null : this.#options.nowMs() - Math.max(...since);
  }

  #basisOf(identity: Identity): unknown[] {
    const { podUid, pods, containers } = this.#known(identity);
    return [podUid, ...[...pods, ...containers].flatMap(({ source, facts }) => [source, facts])];
  }

  #compose(identity: Identity, nowMs: number): Metadata {
    const known = this.#known(identity);
    return composeMetadata(
      known.pods,
      known.containers,
      this.#missing(identity, known, nowMs),
      this.#options.nodeName,
      identity.podUid === null ? known.podUid : null,
    );
  }

  #known({ podUid: cgroupPod, containerId, provenance }: Identity): Known {
    if (provenance === 'claimed') return CLAIMED;
    const all = this.#said((told) => (containerId === null ? undefined : told.container(containerId)));
    const said = new Set(all.flatMap(({ facts }) => facts.podUid ?? []));
    const podUid = cgroupPod ?? (said.size === 1 ? [...said][0]! : null);
    if (said.size > 0 && (podUid === null || !said.has(podUid)))
      return { podUid: null, pods: [], containers: [], refused: 'contradicted' };
    const pods = this.#said((told) => (podUid === null ? undefined : told.pod(podUid)));
    // One that disagrees with the others is not listened to.
    const told = all.filter(({ facts }) => facts.podUid === null || facts.podUid === podUid);
    const isUntold = told.length === 0 && containerId !== null;
    const containers = isUntold ? this.#inferred.of(containerId, podUid, pods) : told;
    return { podUid, pods, containers, refused: null };
  }

  #said<T>(find: (told: ToldFacts) => T | undefined): Said<T>[] {
    const said: Said<T>[] = [];
    for (const source of METADATA_SOURCES) {
      const told = this.#told.get(source);
      const facts = told === undefined ? undefined : find(told);
      if (facts !== undefined) said.push({ source, facts });
    }
    return said;
  }

  #missing(
    identity: Identity,
    { podUid, pods, containers, refused }: Known,
    nowMs: number,
  ): MetadataParts<MissingReason> {
    const { containerId, provenance } = identity;
    if (podUid === null && containerId === null) {
      const reason = provenance === 'cgroup-unknown' ? 'cgroup-unknown' : 'not-a-container';
      return { pod: reason, container: reason, workload: reason };
    }
    if (refused !== null) return { pod: refused, container: refused, workload: refused };
    const pod =
      podUid === null
        ? 'not-a-pod'
        : this.#gap(this.#unnamed, podKey(podUid), pods.length > 0, METADATA_SOURCES, nowMs);
    const container =
      containerId === null
        ? 'not-a-container'
        : this.#gap(this.#unnamed, containerKey(identity), containers.length > 0, METADATA_SOURCES, nowMs);
    // Only the API knows owners.
    const owned = pods.some(({ facts }) => facts.workload !== null);
    const owner =
      podUid === null ? 'not-a-pod' : this.#gap(this.#unowned, podKey(podUid), owned, ['kube-api'], nowMs);
    // A pod that the API knows has not gone: its owner is being asked for.
    const isAsked = owner === 'pod-gone-before-seen' && pods[0]?.source === 'kube-api';
    const workload = isAsked ? 'pending' : owner;
    // A pod that is known has not gone: the source does not report this container, e.g. the API a sandbox.
    const unreported = container === 'pod-gone-before-seen' && pods.length > 0;
    return { pod, container: unreported ? 'not-reported' : container, workload };
  }

  /** Why nobody has named this pod or container, by the state of those who could. */
  #gap(
    firstSeen: FirstSeen,
    key: string,
    named: boolean,
    askable: readonly MetadataSourceName[],
    nowMs: number,
  ): MissingReason {
    if (named) {
      firstSeen.delete(key);
      return 'pending';
    }
    const firstMs = firstSeenMs(firstSeen, key, nowMs);
    const sources = this.#options.sources.filter(({ name }) => askable.includes(name));
    const states = sources.map((source) => source.status().state);
    if (states.length === 0) return 'no-source';
    if (states.includes('ok') && nowMs - firstMs >= GONE_AFTER_MS) return 'pod-gone-before-seen';
    if (states.includes('ok') || states.includes('starting')) {
      for (const source of sources) source.hint();
      return 'pending';
    }
    return states.includes('no-permission') ? 'no-permission' : 'api-unreachable';
  }
}

const isSameList = (a: readonly unknown[], b: readonly unknown[]) =>
  a === b || (a.length === b.length && a.every((value, index) => value === b[index]));
/** Key to the monotonic milliseconds of its first sight. */
type FirstSeen = Map<string, number>;

function firstSeenMs(firstSeen: FirstSeen, key: string, nowMs: number): number {
  const known = firstSeen.get(key);
  if (known !== undefined) return known;
  firstSeen.set(key, nowMs);
  if (firstSeen.size > MAX_UNNAMED) firstSeen.delete(firstSeen.keys().next().value!);
  return nowMs;
}

const podKey = (podUid: string | null) => `pod ${podUid}`;
const containerKey = (identity: Identity) => `container ${identity.containerId}`;

/** Reasons that change by themselves. The others change only when a source tells something or recovers. */
function isTransient(provenance: MetadataProvenance): boolean {
  return (
    provenance === 'pending' ||
    provenance === 'api-unreachable' ||
    provenance === 'no-permission' ||
    provenance === 'pod-gone-before-seen' ||
    provenance === 'not-reported'
  );
}
