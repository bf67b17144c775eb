// Asks the Kubernetes API for the names of pods and containers of this node, and for nothing else.
import type {
  MetadataSink,
  MetadataSource,
  PodFacts,
  SelectionOptions,
  SourceState,
  SourceStatus,
} from '../metadata/index.ts';
import type { KubeTarget } from './target.ts';
import { KubeClient } from './http-client.ts';
import { type FeedCounters, ObjectFeed } from './object-feed.ts';
import { Owners } from './owners.ts';
import { type KnownPod, parsePod } from './pod-facts.ts';
import { KUBE_TIMES, type KubeTimes } from './times.ts';
import { UidClaims } from './uid-claims.ts';

export interface KubeSourceOptions extends SelectionOptions {
  readonly target: KubeTarget;
  /** As `spec.nodeName` of the pods here: the name of the Node object, not always the host name. */
  readonly nodeName: string;
  /** Takes what a person should read once in the log. */
  readonly warn?: (text: string) => void;
  readonly times?: KubeTimes;
}

interface Told {
  readonly pod: KnownPod;
  facts: PodFacts;
}

export class KubeSource implements MetadataSource {
  readonly name = 'kube-api';
  readonly #options: KubeSourceOptions;
  readonly #client: KubeClient;
  readonly #feed: ObjectFeed<KnownPod>;
  readonly #owners: Owners;
  /** By the API's uid. */
  readonly #pods = new Map<string, Told>();
  readonly #claims = new UidClaims();
  /** What the sink was told, by the uid in cgroup paths. */
  readonly #told = new Map<string, Told>();
  readonly #warned = new Set<string>();
  #sink: MetadataSink | undefined;
  #running: Promise<void> | undefined;
  #state: SourceState = 'starting';
  #reason: string | null = null;
  #listed = false;
  #requests = 0;
  #failures = 0;
  #lastSuccess: string | null = null;

  constructor(options: KubeSourceOptions) {
    this.#options = options;
    const times = { ...KUBE_TIMES, ...options.times };
    this.#client = new KubeClient(options.target, times, () => this.#requests++);
    this.#owners = new Owners({
      get: (path) => this.#client.get(path),
      times,
      signal: this.#client.signal,
      onForbidden: (resource) => this.#warnForbidden(resource),
      onFailure: () => this.#failures++,
    });
    this.#feed = new ObjectFeed(this.#client, podsOf(options.nodeName), times, {
      parse: (pod) => parsePod(pod, options),
      listed: (pods) => this.#replace(pods),
      changed: (pod) => this.#upsert(pod),
      deleted: (pod) => this.#remove(pod),
      answered: () => {
        this.#lastSuccess = new Date().toISOString();
        this.#state = 'ok';
        this.#reason = null;
      },
      interrupted: () => this.#failures++,
      failed: ({ state, message }) => {
        this.#failures++;
        this.#state = state;
        this.#reason = `${message}; it is tried again by itself`;
      },
    });
  }

  /** How often lists and watches began, and lines that were broken. */
  get counters(): Readonly<FeedCounters> {
    return this.#feed.counters;
  }

  start(sink: MetadataSink): void {
    if (this.#sink !== undefined || this.#client.signal.aborted) return;
    this.#sink = sink;
    this.#running = this.#feed.run();
  }

  status(): SourceStatus {
    const isEmpty = this.#state === 'ok' && this.#listed && this.#pods.size === 0;
    return {
      name: this.name,
      endpoint: this.#client.endpoint,
      state: this.#state,
      reason: this.#reason ?? (isEmpty ? this.#noPods : null),
      objects: this.#pods.size,
      requests: this.#requests,
      failures: this.#failures,
      lastSuccess: this.#lastSuccess,
    };
  }

  /** A watch tells by itself. */
  hint(): void {}

  async close(): Promise<void> {
    this.#client.close();
    await this.#running;
  }

  get #noPods(): string {
    return `no pod has spec.nodeName=${this.#options.nodeName}: is the node name right?`;
  }

  #replace(pods: readonly KnownPod[]): void {
    if (this.#client.signal.aborted) return;
    this.#owners.forgetGuesses();
    const before = new Map(this.#pods);
    this.#pods.clear();
    this.#listed = true;
    for (const pod of pods) this.#pods.set(pod.apiUid, this.#entryOf(pod, before.get(pod.apiUid)));
    this.#claims.replace(pods);
    this.#told.clear();
    for (const uid of new Set(pods.map(({ facts }) => facts.uid))) {
      const entry = this.#speaker(uid);
      if (entry !== undefined) this.#told.set(uid, entry);
    }
    const told = [...this.#told.values()];
    this.#sink?.replace(
      this.name,
      told.map(({ facts }) => facts),
      told.flatMap(({ pod }) => pod.containers),
    );
    for (const entry of this.#pods.values()) this.#findOwner(entry);
    if (this.#pods.size === 0) this.#warnOnce(this.#noPods);
  }

  #upsert(pod: KnownPod): void {
    if (this.#client.signal.aborted) return;
    const before = this.#pods.get(pod.apiUid);
    const entry = this.#entryOf(pod, before);
    this.#pods.set(pod.apiUid, entry);
    this.#claims.set(pod, before?.pod);
    if (before !== undefined && before.pod.facts.uid !== pod.facts.uid) this.#tell(before.pod.facts.uid);
    this.#tell(pod.facts.uid);
    this.#findOwner(entry);
  }

  #remove({ apiUid }: KnownPod): void {
    const before = this.#pods.get(apiUid);
    if (before === undefined || this.#client.signal.aborted) return;
    this.#pods.delete(apiUid);
    this.#claims.delete(before.pod);
    this.#tell(before.pod.facts.uid);
  }

  #speaker(uid: string): Told | undefined {
    const pod = this.#claims.speaker(uid);
    return pod === undefined ? undefined : this.#pods.get(pod.apiUid);
  }

  /**
   * Tells what is known of the uid now, unless that was told. Most updates of a pod's status change nothing of it; and a static
   * pod whose entry in the API was made anew has the same uid there: it is not gone.
   */
  #tell(uid: string): void {
    const before = this.#told.get(uid);
    const entry = this.#speaker(uid);
    if (entry === undefined) {
      if (this.#told.delete(uid)) this.#sink?.remove(this.name, uid);
      return;
    }
    this.#told.set(uid, entry);
    const same =
      before !== undefined &&
      isSame([before.facts, before.pod.containers], [entry.facts, entry.pod.containers]);
    if (!same) this.#sink?.upsert(this.name, entry.facts, entry.pod.containers);
  }

  /** With the workload that is known now, or was known before for the same owner. */
  #entryOf(pod: KnownPod, before: Told | undefined): Told {
    const sameOwner = before !== undefined && before.pod.owner?.uid === pod.owner?.uid;
    const workload = this.#owners.known(pod) ?? (sameOwner ? before.facts.workload : null);
    return { pod, facts: { ...pod.facts, workload } };
  }

  #findOwner(entry: Told): void {
    if (this.#owners.known(entry.pod) !== undefined) return;
    void this.#owners.find(entry.pod).then((workload) => {
      // The pod may have changed or gone meanwhile: then this entry speaks no more.
      if (workload === null || this.#client.signal.aborted) return;
      if (this.#pods.get(entry.pod.apiUid) !== entry || isSame(entry.facts.workload, workload)) return;
      entry.facts = { ...entry.facts, workload };
      if (this.#told.get(entry.facts.uid) === entry)
        this.#sink?.upsert(this.name, entry.facts, entry.pod.containers);
    });
  }

  #warnForbidden(resource: string): void {
    this.#warnOnce(
      `${this.#client.endpoint} forbids to get ${resource}: workloads are told by the names of their parts; give the agent's service account a ClusterRole with the verb get on ${resource}`,
    );
  }

  #warnOnce(text: string): void {
    if (this.#warned.has(text)) return;
    this.#warned.add(text);
    this.#options.warn?.(text);
  }
}

const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

const podsOf = (nodeName: string) => ({
  name: 'pods',
  path: `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${nodeName}`)}`,
});
