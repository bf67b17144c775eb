// One subscriber of the event stream: a bounded queue, and an exact count of what did not fit.
//
// Two states. Taking: chunks go to the socket as long as they fit in the queue. In a gap, from the first
// chunk that does not fit: everything is counted and nothing is sent until half of the queue is free; then
// one gap record with the count is sent, in the place of the events it stands for, and the client is taking
// again.
import { type GapJson, SCHEMA_VERSION, type StreamReadyJson } from '../api/index.ts';

/** What a client needs of a socket (a net.Socket). `writableLength` counts what the kernel has not taken yet. */
export interface StreamSocket {
  readonly writableLength: number;
  write(chunk: Buffer | string, flushed: () => void): unknown;
}

/** Counts that go on when a client leaves. */
export interface StreamTotals {
  sent: number;
  lost: number;
}

/** Wraps a JSON text that is one line as a record of an event stream. */
export function streamRecord(name: string, json: string): string {
  return `event: ${name}\ndata: ${json}\n\n`;
}

export class StreamClient {
  readonly #socket: StreamSocket;
  readonly #queueBytes: number;
  readonly #totals: StreamTotals;
  readonly #now: () => string;
  /** Events lost since the last gap record. Above zero means: in a gap. */
  #lost = 0;
  #wroteSinceHeartbeat = false;

  constructor(socket: StreamSocket, queueBytes: number, totals: StreamTotals, now: () => string) {
    this.#socket = socket;
    this.#queueBytes = queueBytes;
    this.#totals = totals;
    this.#now = now;
    const ready: StreamReadyJson = { schema_version: SCHEMA_VERSION, type: 'ready', time: now() };
    this.#write(streamRecord('ready', JSON.stringify(ready)));
  }

  /** Bytes that wait in user space: at most the queue's size, but for a gap record or a single huge event. */
  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** False while in a gap: then `skip` is enough, and no text needs to be made for this client. */
  get taking(): boolean {
    if (this.#lost > 0) this.#leaveGap();
    return this.#lost === 0;
  }

  /** Sends a chunk with so many events, or counts them as lost. */
  offer(chunk: Buffer, events: number): void {
    const queued = this.#socket.writableLength;
    // An empty queue takes one chunk of any size, so that an event larger than the queue gets through.
    if (this.#lost > 0 || (queued > 0 && queued + chunk.length > this.#queueBytes)) {
      this.skip(events);
      return;
    }
    this.#totals.sent += events;
    this.#write(chunk);
  }

  /** Counts events that were not sent. */
  skip(events: number): void {
    this.#lost += events;
    this.#totals.lost += events;
  }

  /** A comment line when nothing was sent since the last call, so that both ends notice a dead connection. */
  heartbeat(): void {
    if (!this.#wroteSinceHeartbeat && this.#socket.writableLength === 0) this.#write(': heartbeat\n\n');
    this.#wroteSinceHeartbeat = false;
  }

  /** The last word before the stream ends: a gap must not go untold, whatever is still in the queue. */
  finish(): void {
    if (this.#lost > 0) this.#writeGap();
  }

  #leaveGap(): void {
    if (this.#socket.writableLength <= this.#queueBytes / 2) this.#writeGap();
  }

  #writeGap(): void {
    const gap: GapJson = {
      schema_version: SCHEMA_VERSION,
      type: 'gap',
      time: this.#now(),
      lost: this.#lost,
      reason: 'slow-client',
    };
    this.#lost = 0;
    this.#write(streamRecord('gap', JSON.stringify(gap)));
  }

  #write(chunk: Buffer | string): void {
    this.#wroteSinceHeartbeat = true;
    this.#socket.write(chunk, this.#flushed);
  }

  /** The kernel has taken a write. A gap begins only while one is under way: it ends here or in `taking`. */
  readonly #flushed = (): void => {
    if (this.#lost > 0) this.#leaveGap();
  };
}
