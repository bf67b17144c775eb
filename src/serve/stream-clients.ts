// All clients of all streams together: how many there may be, what may wait for them, and their heartbeat.
//
// What may wait is shared by dynamic thresholds (Choudhury and Hahne, 1998): a client may have as much as is still free.
// One slow client gets half of the room, a hundred get a hundredth each, and there is always room left for one more. A
// client that keeps up needs none: what the kernel takes at once does not wait.
import type { StreamClient } from './stream-client.ts';

export interface StreamClientsOptions {
  readonly maxClients: number;
  /** Bound of what waits in user space for one client. */
  readonly queueBytes: number;
  /** Bound for all clients, but for one slice of text each. */
  readonly totalQueueBytes: number;
  readonly heartbeatMs: number;
}

const SLICE_CHARS = 65_536;

export class StreamClients {
  readonly #options: StreamClientsOptions;
  readonly #clients = new Set<StreamClient>();
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: StreamClientsOptions) {
    this.#options = options;
  }

  /** Characters of a slice: large enough to make writes rare, small enough for several to fit in the queue. */
  get sliceChars(): number {
    return Math.min(SLICE_CHARS, this.#options.queueBytes / 4);
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
    this.#heartbeat ??= setInterval(() => this.#beat(), this.#options.heartbeatMs).unref();
  }

  /** Idempotent. */
  remove(client: StreamClient): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }

  /** Offers a chunk with so many events to each; a chunk of null stands for events that nobody could take. */
  send(clients: Iterable<StreamClient>, chunk: Buffer | null, events: number): void {
    if (chunk === null) {
      for (const client of clients) client.skip(events);
      return;
    }
    const { queueBytes, totalQueueBytes } = this.#options;
    let free = totalQueueBytes - this.queuedBytes;
    for (const client of clients) {
      const before = client.queuedBytes;
      client.offer(chunk, events, Math.min(queueBytes, free));
      free -= client.queuedBytes - before;
    }
  }

  #beat(): void {
    for (const client of this.#clients) client.heartbeat();
  }
}
