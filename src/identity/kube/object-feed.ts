// Follows a list of objects, e.g. the pods of one node: a list, then watches from its version on.
//
// State: `version`, the resource version up to which the list is known; null asks for a list. One loop does
// everything, so there is never more than one list or watch at a time:
//   list -> version -> watch -> version moves on with every event and bookmark
//   the watch ends or breaks      -> watch again from version
//   version is gone (410)         -> version = null
//   broken lines twice in a row   -> version = null: the line may come again and again
// A failure pauses, longer each time, until a watch has brought something or has lasted a while.
import type { KubeClient } from './http-client.ts';
import { type Fields, fieldsOf, listOf, parseFields, textOf } from './json.ts';
import { KubeFailure, statusFailure } from './kube-failure.ts';
import { LineSplitter } from './line-splitter.ts';
import { Backoff, pause } from '../../lib/backoff.ts';
import type { KubeTimes } from './times.ts';

export interface FeedListener<T> {
  /** What is kept of an object; null for what is none. Called for each object of a list as its page comes. */
  parse(object: Fields): T | null;
  /** All objects of the list. */
  listed(objects: readonly T[]): void;
  changed(object: T): void;
  deleted(object: T): void;
  /** The server answered as it should. */
  answered(): void;
  /** A connection broke that had worked: the feed is resumed, and nothing is known to be wrong. */
  interrupted(): void;
  failed(failure: KubeFailure): void;
}

/** What is followed. */
export interface FeedResource {
  /** As RBAC names it, e.g. `pods`. */
  readonly name: string;
  /** Path of the list with its parameters, e.g. `/api/v1/pods?fieldSelector=…`. */
  readonly path: string;
}

export interface FeedCounters {
  lists: number;
  watches: number;
  /** Lines of watches that were no event, or too long. */
  brokenLines: number;
}

const PAGE_OBJECTS = 500;
/** An object is at most 1.5 MiB in etcd; in JSON it can be longer. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
const BROKEN_IN_ROW = 2;

export class ObjectFeed<T> {
  readonly counters: FeedCounters = { lists: 0, watches: 0, brokenLines: 0 };
  readonly #client: KubeClient;
  readonly #times: Required<KubeTimes>;
  readonly #listener: FeedListener<T>;
  readonly #resource: FeedResource;
  readonly #backoff: Backoff;
  #version: string | null = null;
  /** The version in the server's cache may be too old to watch from: then the next list is a fresh one. */
  #fromCache = true;
  #paged = true;
  #brokenInRow = 0;

  constructor(
    client: KubeClient,
    resource: FeedResource,
    times: Required<KubeTimes>,
    listener: FeedListener<T>,
  ) {
    this.#client = client;
    this.#times = times;
    this.#listener = listener;
    this.#backoff = new Backoff(times);
    this.#resource = resource;
  }

  /** Resolves when the client is closed. Never rejects. */
  async run(): Promise<void> {
    const { signal } = this.#client;
    while (!signal.aborted) {
      try {
        if (this.#version === null) await this.#list();
        await this.#watch();
      } catch (error) {
        if (signal.aborted) return;
        const pauseMs = this.#recover(error as Error);
        await pause(pauseMs, signal);
      }
    }
  }

  /** Tells what went wrong and returns how long to wait. */
  #recover(error: Error): number {
    if (error instanceof Interruption) {
      this.#listener.interrupted();
      return error.soon ? this.#backoff.firstMs() : this.#backoff.nextMs();
    }
    const failure =
      error instanceof KubeFailure
        ? error
        : new KubeFailure(
            'unreachable',
            `the list of ${this.#resource.name} cannot be used: ${error.message}`,
            {
              cause: error,
            },
          );
    this.#listener.failed(failure);
    return Math.max(this.#backoff.nextMs(), failure.retryAfterMs);
  }

  async #list(): Promise<void> {
    const objects: T[] = [];
    let version: string | null = null;
    let next: string | null = null;
    do {
      this.counters.lists += next === null ? 1 : 0;
      const answer = await this.#client.get(this.#pathWith(this.#listParameters(next)));
      if (answer.status === 410) {
        // Pages take their time: without them there is nothing to come too late for.
        this.#fromCache = false;
        this.#paged = next === null;
        throw new Interruption();
      }
      if (answer.status !== 200)
        throw statusFailure(this.#client.endpoint, `list ${this.#resource.name}`, answer);
      const page = parseFields(answer.body);
      const meta = fieldsOf(page?.metadata);
      version = textOf(meta.resourceVersion);
      if (version === null || !(Array.isArray(page?.items) || page?.items == null))
        throw new KubeFailure(
          'misconfigured',
          `${this.#client.endpoint} gives no list of ${this.#resource.name} when asked for one`,
        );
      for (const item of listOf(page?.items)) {
        const object = this.#listener.parse(item);
        if (object !== null) objects.push(object);
      }
      next = typeof meta.continue === 'string' && meta.continue !== '' ? meta.continue : null;
    } while (next !== null);
    this.#paged = true;
    this.#brokenInRow = 0;
    this.#version = version;
    this.#listener.answered();
    this.#listener.listed(objects);
  }

  #pathWith(parameters: string): string {
    const { path } = this.#resource;
    return path.includes('?') || parameters === '' ? path + parameters : `${path}?${parameters.slice(1)}`;
  }

  /** Version 0 is answered from the server's cache, which costs etcd nothing. */
  #listParameters(next: string | null): string {
    const limit = this.#paged ? `&limit=${PAGE_OBJECTS}` : '';
    if (next !== null) return `${limit}&continue=${encodeURIComponent(next)}`;
    return `${limit}${this.#fromCache ? '&resourceVersion=0' : ''}`;
  }

  /** Resolves when the watch ended as it should. */
  async #watch(): Promise<void> {
    const { watchSeconds, watchIdleMs, stableMs } = this.#times;
    const seconds = Math.ceil(watchSeconds * (1 + Math.random()));
    const from = encodeURIComponent(this.#version!);
    const parameters = `&watch=true&allowWatchBookmarks=true&resourceVersion=${from}&timeoutSeconds=${seconds}`;
    this.counters.watches++;
    const beganMs = performance.now();
    const answer = await this.#client.open(this.#pathWith(parameters), watchIdleMs);
    if (answer.status !== 200) await this.#refused(answer);
    this.#listener.answered();
    const lines = new LineSplitter(MAX_LINE_BYTES);
    let events = 0;
    try {
      for await (const chunk of answer.chunks()) {
        for (const line of this.#split(lines, chunk)) {
          if (line.trim() === '') continue;
          this.#take(line);
          events++;
        }
      }
    } catch (error) {
      // The connection broke; whether the server is there shows the next one.
      if (error instanceof KubeFailure && error.httpStatus === null) throw new Interruption();
      throw error;
    } finally {
      answer.destroy();
      if (performance.now() - beganMs >= stableMs) this.#backoff.reset();
    }
    const endedEarly = events === 0 && performance.now() - beganMs < stableMs;
    if (lines.pendingBytes > 0 || endedEarly) throw new Interruption();
  }

  async #refused(open: Awaited<ReturnType<KubeClient['open']>>): Promise<never> {
    const { status, retryAfterMs } = open;
    let body = '';
    for await (const chunk of open.chunks()) if (body.length < 4096) body += chunk.toString('utf8');
    if (status === 410) throw this.#gone();
    // The server knows no such version, e.g. because etcd was restored from a backup.
    if (status === 400 || (status === 504 && /resource ?version/i.test(body))) this.#forgetVersion();
    throw statusFailure(this.#client.endpoint, `watch ${this.#resource.name}`, {
      status,
      retryAfterMs,
      body,
    });
  }

  #split(lines: LineSplitter, chunk: Buffer): string[] {
    try {
      return lines.push(chunk);
    } catch {
      throw this.#broken();
    }
  }

  #take(line: string): void {
    const event = parseFields(line);
    const object = fieldsOf(event?.object);
    const version = textOf(fieldsOf(object.metadata).resourceVersion);
    if (event?.type === 'ERROR') {
      if (object.code === 410) throw this.#gone();
      const status = typeof object.code === 'number' ? object.code : 500;
      if (status === 400 || status === 504) this.#forgetVersion();
      const body = JSON.stringify(object);
      throw statusFailure(this.#client.endpoint, `watch ${this.#resource.name}`, {
        status,
        retryAfterMs: 0,
        body,
      });
    }
    if (typeof event?.type !== 'string' || version === null) throw this.#broken();
    const parsed = event.type === 'BOOKMARK' ? null : this.#listener.parse(object);
    if (parsed !== null && event.type === 'DELETED') this.#listener.deleted(parsed);
    else if (parsed !== null && /^(ADDED|MODIFIED)$/.test(event.type)) this.#listener.changed(parsed);
    this.#version = version;
    this.#fromCache = true;
    this.#brokenInRow = 0;
    this.#backoff.reset();
    this.#listener.answered();
  }

  /** Once nothing is wrong, and after an outage the pause would be long; again without an event in between it is. */
  #gone(): Interruption {
    const soon = this.#fromCache;
    this.#forgetVersion();
    return new Interruption(soon);
  }

  #broken(): Interruption {
    this.counters.brokenLines++;
    if (++this.#brokenInRow >= BROKEN_IN_ROW) this.#forgetVersion();
    return new Interruption();
  }

  /** Set again by the first event of a watch: a version from the cache that brought none was too old. */
  #forgetVersion(): void {
    this.#version = null;
    this.#fromCache = false;
  }
}

/** What is mended by asking again: no failure of the server is known. */
class Interruption extends Error {
  /** Whether the shortest pause will do. */
  readonly soon: boolean;

  constructor(soon = false) {
    super('interrupted');
    this.soon = soon;
  }
}
