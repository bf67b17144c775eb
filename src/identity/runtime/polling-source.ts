// A source that looks now and then, and soon after somebody missed a name: what all runtimes have in common.
//
// Polling, because GetContainerEvents is missing in containerd 1.6 and a stream that breaks needs a look anyway.
// One look at a time. A look lists, tells, and then asks for details of containers that began since; a hint
// during a look makes another one after it. After a failure the client is dropped, the socket is looked for again,
// and pauses double up to 30 s; a hint does not shorten them.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type {
  MetadataSink,
  MetadataSource,
  MetadataSourceName,
  SourceState,
  SourceStatus,
} from '../metadata/index.ts';
import { connectFailure, type RuntimeClient, RuntimeFailure } from './runtime-client.ts';
import { NO_FACTS, type RuntimeFacts, withDetails } from './runtime-facts.ts';
import { DetailsBook } from './container-details.ts';

export interface RuntimeBinding {
  readonly name: MetadataSourceName;
  /** The first that exists is used. */
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
}

const INTERVAL_MS = 5000;
/** From a hint to the look: a new pod brings several hints at once. */
const DEBOUNCE_MS = 100;
/** The least pause between the beginnings of two looks. */
const LEAST_PAUSE_MS = 200;
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 30_000;

export class PollingSource implements MetadataSource {
  readonly #binding: RuntimeBinding;
  readonly #intervalMs: number;
  #client: RuntimeClient | undefined;
  #socket: string | undefined;
  #sink: MetadataSink | undefined;
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> | undefined;
  #closed = false;
  /** When the first hint came that no look has answered; null without one. Monotonic, as all times here. */
  #hintedMs: number | null = null;
  #lookBeganMs = 0;
  #failuresInRow = 0;
  #facts: RuntimeFacts = NO_FACTS;
  #toldText = '';
  #state: SourceState = 'starting';
  #reason: string | null = null;
  #objects = 0;
  #requests = 0;
  #failures = 0;
  #lastSuccess: string | null = null;
  readonly #details = new DetailsBook((id) => this.#ask((client) => client.inspect(id)));

  constructor(binding: RuntimeBinding, times: PollingTimes = {}) {
    this.#binding = binding;
    this.#intervalMs = times.intervalMs ?? INTERVAL_MS;
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
    this.#client?.close();
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
    if (this.#failuresInRow > 0) {
      const pauseMs = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(this.#failuresInRow - 1, 10));
      return performance.now() + pauseMs * (0.5 + Math.random() / 2);
    }
    const soonMs = this.#lookBeganMs + LEAST_PAUSE_MS;
    if (this.#hintedMs !== null) return Math.max(this.#hintedMs + DEBOUNCE_MS, soonMs);
    return this.#details.hasMore ? soonMs : this.#lookBeganMs + this.#intervalMs;
  }

  /** Never rejects. */
  async #lookOnce(): Promise<void> {
    try {
      this.#client ??= await this.#connect();
      this.#facts = await this.#ask((client) => client.list());
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

  async #connect(): Promise<RuntimeClient> {
    this.#socket = await findSocket(this.#binding.sockets);
    const client = await this.#binding.connect(this.#socket, () => this.#requests++);
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
    this.#failuresInRow = 0;
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
    this.#failuresInRow++;
    this.#hintedMs = null;
    this.#state = failure.state;
    this.#reason = `${failure.message}; it is tried again by itself`;
    this.#client?.close();
    this.#client = undefined;
  }
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Before gRPC is loaded: where no runtime listens, the agent stays small. */
async function findSocket(sockets: readonly string[]): Promise<string> {
  for (const socket of sockets) {
    try {
      await access(socket, constants.W_OK);
      return socket;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw connectFailure(socket, error as Error);
    }
  }
  const reason =
    sockets.length === 1
      ? `${sockets[0]} does not answer: there is no such socket`
      : `no container runtime found: there is no socket at ${sockets.join(', ')}`;
  throw new RuntimeFailure('unreachable', reason);
}
