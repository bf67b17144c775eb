// A source that looks now and then, and soon after somebody missed a name: what all runtimes have in common.
//
// Polling, because GetContainerEvents is missing in containerd 1.6 and a stream that breaks needs a look anyway.
// One look at a time. A look lists, tells, and then asks for details of containers that began since; a hint
// during a look makes another one after it. After a failure the client is dropped, the socket is looked for again,
// and pauses double up to 30 s; a hint does not shorten them. While the runtime in use has no running container the
// other sockets are asked in every look, and otherwise once a minute.
import { Backoff } from '../../lib/backoff.ts';
import type {
  MetadataSink,
  MetadataSource,
  MetadataSourceName,
  SourceState,
  SourceStatus,
} from '../metadata/index.ts';
import { connectFailure, type RuntimeClient, RuntimeFailure } from './runtime-client.ts';
import { type Answering, askSockets, busiest, noSocket } from './socket-choice.ts';
import { NO_FACTS, type RuntimeFacts, withDetails } from './runtime-facts.ts';
import { DetailsCache } from './container-details.ts';

export interface RuntimeBinding {
  readonly name: MetadataSourceName;
  /** Of several the runtime with the most running containers is used. */
  readonly sockets: readonly string[];
  /** The client calls `onRequest` for each request that it sends. */
  connect(socket: string, onRequest: () => void): Promise<RuntimeClient>;
}

/** All in milliseconds. */
export interface PollingTimes {
  /** Pause between two looks that nobody asked for; 5 s. */
  readonly intervalMs?: number;
  /** Limit of one call; 5 s. */
  readonly timeoutMs?: number;
  /** After which other sockets are asked again although the runtime in use has containers; 60 s. */
  readonly reconsiderMs?: number;
}

const INTERVAL_MS = 5000;
const RECONSIDER_MS = 60_000;
/** From a hint to the look: a new pod brings several hints at once. */
const DEBOUNCE_MS = 100;
/** The least pause between the beginnings of two looks. */
const LEAST_PAUSE_MS = 200;
const BACKOFF = { firstBackoffMs: 500, maxBackoffMs: 30_000 };

export class PollingSource implements MetadataSource {
  readonly #binding: RuntimeBinding;
  readonly #intervalMs: number;
  readonly #reconsiderMs: number;
  #client: RuntimeClient | undefined;
  /** Of sockets that are being chosen among. */
  readonly #candidates = new Set<RuntimeClient>();
  #socket: string | undefined;
  #sink: MetadataSink | undefined;
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> | undefined;
  #closed = false;
  /** When the first hint came that no look has answered; null without one. Monotonic, as all times here. */
  #hintedMs: number | null = null;
  #lookBeganMs = 0;
  #choseMs = 0;
  readonly #backoff = new Backoff(BACKOFF);
  /** After a failure. */
  #pauseMs: number | null = null;
  #facts: RuntimeFacts = NO_FACTS;
  #toldText = '';
  #state: SourceState = 'starting';
  #reason: string | null = null;
  #objects = 0;
  #requests = 0;
  #failures = 0;
  #lastSuccess: string | null = null;
  readonly #details = new DetailsCache((id) => this.#ask((client) => client.inspect(id)));

  constructor(binding: RuntimeBinding, times: PollingTimes = {}) {
    this.#binding = binding;
    this.#intervalMs = times.intervalMs ?? INTERVAL_MS;
    this.#reconsiderMs = times.reconsiderMs ?? RECONSIDER_MS;
  }

  get name(): MetadataSourceName {
    return this.#binding.name;
  }

  start(sink: MetadataSink): void {
    if (this.#sink !== undefined || this.#closed) return;
    this.#sink = sink;
    this.#begin();
  }

  status(): SourceStatus {
    return {
      name: this.name,
      endpoint: `unix://${this.#socket ?? this.#binding.sockets[0]}`,
      state: this.#state,
      reason: this.#reason,
      objects: this.#objects,
      requests: this.#requests,
      failures: this.#failures,
      lastSuccess: this.#lastSuccess,
    };
  }

  hint(): void {
    if (this.#closed || this.#hintedMs !== null) return;
    if (this.#state !== 'ok' && this.#state !== 'starting') return;
    this.#hintedMs = performance.now();
    if (this.#look === undefined) this.#schedule();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const client of [this.#client, ...this.#candidates]) client?.close();
    await this.#look;
  }

  #begin(): void {
    this.#hintedMs = null;
    this.#lookBeganMs = performance.now();
    this.#look = this.#lookOnce().then(() => {
      this.#look = undefined;
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#closed || this.#sink === undefined) return;
    clearTimeout(this.#timer);
    const waitMs = Math.max(0, this.#dueMs() - performance.now());
    this.#timer = setTimeout(() => this.#begin(), waitMs).unref();
  }

  #dueMs(): number {
    if (this.#pauseMs !== null) return performance.now() + this.#pauseMs;
    const soonMs = this.#lookBeganMs + LEAST_PAUSE_MS;
    if (this.#hintedMs !== null) return Math.max(this.#hintedMs + DEBOUNCE_MS, soonMs);
    return this.#details.hasMore ? soonMs : this.#lookBeganMs + this.#intervalMs;
  }

  /** Never rejects. */
  async #lookOnce(): Promise<void> {
    try {
      this.#facts = await this.#list();
      this.#succeed();
      this.#details.keepOnly(this.#facts.containers);
      this.#tell();
      const { asked, failed } = await this.#details.fill(this.#facts.running);
      this.#failures += failed;
      if (asked > failed) this.#tell();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  async #list(): Promise<RuntimeFacts> {
    const { sockets } = this.#binding;
    if (this.#client === undefined) return this.#choose(sockets);
    const facts = await this.#ask((client) => client.list());
    const isDue = performance.now() - this.#choseMs >= this.#reconsiderMs;
    if (sockets.length === 1 || (facts.running.size > 0 && !isDue)) return facts;
    const others = sockets.filter((socket) => socket !== this.#socket);
    return this.#choose(others, { socket: this.#socket!, client: this.#client, facts });
  }

  /** Takes the best of these sockets, if it is better than the one in use. @throws RuntimeFailure when there is none */
  async #choose(sockets: readonly string[], current?: Answering): Promise<RuntimeFacts> {
    const { answering, failures } = await askSockets(sockets, (socket) => this.#open(socket));
    const all = current === undefined ? answering : [current, ...answering];
    const best = this.#closed ? undefined : busiest(all);
    for (const { client } of all) if (client !== best?.client) client.close();
    this.#candidates.clear();
    this.#choseMs = performance.now();
    if (best === undefined) throw failures[0] ?? noSocket(sockets);
    this.#client = best.client;
    this.#socket = best.socket;
    return best.facts;
  }

  async #open(socket: string): Promise<RuntimeClient> {
    const client = await this.#binding.connect(socket, () => this.#requests++);
    this.#candidates.add(client);
    // Closed while connecting: close() had no client to close.
    if (this.#closed) client.close();
    return client;
  }

  async #ask<T>(question: (client: RuntimeClient) => Promise<T>): Promise<T> {
    if (this.#closed || this.#client === undefined) throw new RuntimeFailure('unreachable', 'closed');
    return question(this.#client);
  }

  #succeed(): void {
    this.#state = 'ok';
    this.#reason = null;
    this.#backoff.reset();
    this.#pauseMs = null;
    this.#lastSuccess = new Date().toISOString();
    const { pods, containers } = this.#facts;
    this.#objects = pods.length + containers.filter(({ podUid }) => podUid === null).length;
  }

  /** The sink hears of changes only; runtimes list in random order, so order is none. */
  #tell(): void {
    if (this.#closed) return;
    const pods = [...this.#facts.pods].sort((a, b) => compare(a.uid, b.uid));
    const containers = this.#facts.containers
      .map((facts) => withDetails(facts, this.#details.get(facts.id)))
      .sort((a, b) => compare(a.id, b.id));
    const text = JSON.stringify([pods, containers]);
    if (text === this.#toldText) return;
    this.#toldText = text;
    this.#sink?.replace(this.name, pods, containers);
  }

  #fail(error: Error): void {
    if (this.#closed) return;
    const failure =
      error instanceof RuntimeFailure
        ? error
        : connectFailure(this.#socket ?? this.#binding.sockets[0]!, error);
    this.#failures++;
    this.#pauseMs = this.#backoff.nextMs();
    this.#hintedMs = null;
    this.#state = failure.state;
    this.#reason = `${failure.message}; it is tried again by itself`;
    this.#client?.close();
    this.#client = undefined;
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
