// All clients of all streams together: how many there may be, what may wait for them, and their heartbeat.
//
// What waits for all of them is bounded. When it is too much, the client that has been behind for longest gives back the
// newer half of what waits for it, and is told of it in a gap: those that do not read pay, and a client that keeps up
// has all the room for a burst.
import { Tasks } from '../lib/tasks.ts';
import type { StreamClient } from './stream-client.ts';

export interface StreamClientsOptions {
  readonly maxClients: number;
  /** Bound of what waits in user space for one client. */
  readonly queueBytes: number;
  /** Bound for all clients, but for what their sockets have already. */
  readonly totalQueueBytes: number;
  readonly heartbeatMs: number;
  readonly tasks?: Tasks;
}

const SLICE_CHARS = 65_536;

export class StreamClients {
  readonly #options: StreamClientsOptions;
  readonly #clients = new Set<StreamClient>();
  /** Counts chunks, to tell which client has been behind for longest. */
  #turn = 0;
  #stopBeating: (() => void) | null = null;

  constructor(options: StreamClientsOptions) {
    this.#options = options;
  }

  /** Characters of a slice: large enough to make writes rare, small enough for several to fit in the queue. */
  get sliceChars(): number {
    return Math.min(SLICE_CHARS, this.#options.queueBytes / 4);
  }

  get turn(): number {
    return this.#turn;
  }

  get size(): number {
    return this.#clients.size;
  }

  get full(): boolean {
    return this.#clients.size >= this.#options.maxClients;
  }

  get queuedBytes(): number {
    let bytes = 0;
    for (const client of this.#clients) bytes += client.queuedBytes;
    return bytes;
  }

  add(client: StreamClient): void {
    this.#clients.add(client);
    const { tasks = new Tasks(), heartbeatMs } = this.#options;
    this.#stopBeating ??= tasks.every('heartbeats of streams', heartbeatMs, () => this.#beat(), {
      unref: true,
    });
  }

  /** Idempotent. */
  remove(client: StreamClient): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    this.#stopBeating?.();
    this.#stopBeating = null;
  }

  /** Offers a chunk with so many events to each; a chunk of null stands for events that nobody could take. */
  send(clients: Iterable<StreamClient>, chunk: Buffer | null, events: number): void {
    if (chunk === null) {
      for (const client of clients) client.skip(events);
      return;
    }
    const { queueBytes, totalQueueBytes } = this.#options;
    this.#turn++;
    for (const client of clients) client.offer(chunk, events, queueBytes);
    let excess = -totalQueueBytes;
    for (const client of this.#clients) excess += client.waitingBytes;
    while (excess > 0) {
      const client = this.#longestBehind();
      if (client === null) return;
      const before = client.waitingBytes;
      client.shed();
      excess -= before - client.waitingBytes;
    }
  }

  #longestBehind(): StreamClient | null {
    let longest: StreamClient | null = null;
    let since = Number.POSITIVE_INFINITY;
    for (const client of this.#clients) {
      if (client.waitingBytes === 0 || client.behindSince >= since) continue;
      longest = client;
      since = client.behindSince;
    }
    return longest;
  }

  #beat(): void {
    for (const client of this.#clients) client.heartbeat();
  }
}
