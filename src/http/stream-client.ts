// One subscriber of a stream: a bounded queue, and an exact count of what did not fit.
//
// Two states. Taking: chunks go into the queue as long as they fit. In a gap, from the first chunk that does not fit, or
// was taken back from the end of the queue: everything is counted and nothing is sent until half of what waited then is
// gone; then one gap record with the count is sent, in the place of the events it stands for, and the client is taking
// again.
//
// The socket gets little more than the kernel takes at once: what it has cannot be taken back.
import { type GapJson, SCHEMA_VERSION } from '../api/index.ts';

/** What a client needs of a socket (a net.Socket). `writableLength` counts what the kernel has not taken yet. */
export interface StreamSocket {
  readonly writableLength: number;
  write(chunk: Buffer | string, flushed: () => void): unknown;
}

/** Counts that go on when a client leaves. */
export interface StreamTotals {
  sent: number;
  lost: number;
  /** Events that came too late for a client that came back. */
  expired: number;
}

export interface StreamClientOptions {
  readonly totals: StreamTotals;
  readonly now: () => string;
  /** A count that grows with every chunk for any client. */
  readonly turn: () => number;
  /** Called when the kernel has taken something. */
  readonly onRoom?: (() => void) | undefined;
  /** The id of the last record that the client needs no more, when nothing waits for it. */
  readonly position?: (() => string | undefined) | undefined;
  /** How a gap is told; left out: as a record. */
  readonly gapText?: ((lost: number) => string) | undefined;
  /** Called after a gap was told: the client is taking again. */
  readonly onGapEnd?: (() => void) | undefined;
}

interface Waiting {
  readonly chunk: Buffer;
  readonly events: number;
  /** Of a gap record what it tells. */
  readonly lost: number;
}

/** Given to the socket ahead of the kernel. */
const AHEAD_BYTES = 32_768;
const HEARTBEAT = ': heartbeat\n';

/** Wraps a JSON text that is one line as a record of an event stream. */
export function streamRecord(name: string, json: string, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${json}\n\n`;
}

export class StreamClient {
  readonly #socket: StreamSocket;
  readonly #options: StreamClientOptions;
  #queue: Waiting[] = [];
  #waitingBytes = 0;
  #behindSince = 0;
  /** Events lost since the last gap record. Above zero means: in a gap. */
  #lost = 0;
  /** A gap ends when no more than this waits. */
  #resumeAt = 0;
  #wroteSinceHeartbeat = false;

  constructor(socket: StreamSocket, options: StreamClientOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Bytes that wait in user space. */
  get queuedBytes(): number {
    return this.#waitingBytes + this.#socket.writableLength;
  }

  /** Of these, bytes that can be taken back: the socket does not have them yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The turn in which something began to wait that can be taken back. */
  get behindSince(): number {
    return this.#behindSince;
  }

  /** False while in a gap: then `skip` is enough, and no text needs to be made for this client. */
  get taking(): boolean {
    if (this.#lost > 0) this.#leaveGap();
    return this.#lost === 0;
  }

  /** Sends a record outside the count of events, whatever waits. */
  tell(name: string, document: object, id?: string): void {
    this.#enqueue(Buffer.from(streamRecord(name, JSON.stringify(document), id)), 0, 0);
  }

  /** Sends a chunk with so many events when then at most `limit` bytes wait, or else counts them as lost. */
  offer(chunk: Buffer, events: number, limit: number): void {
    const queued = this.queuedBytes;
    // An empty queue takes one chunk of any size, so that an event larger than the queue gets through.
    if (this.#lost > 0 || (queued > 0 && queued + chunk.length > limit)) {
      this.skip(events);
      return;
    }
    this.send(chunk, events);
  }

  /** Sends a chunk with so many events, whatever waits: for a caller that has looked. */
  send(chunk: Buffer, events: number): void {
    this.#options.totals.sent += events;
    this.#enqueue(chunk, events, 0);
  }

  /** Counts events that were not sent. */
  skip(events: number): void {
    if (this.#lost === 0) this.#resumeAt = this.queuedBytes / 2;
    this.#lost += events;
    this.#options.totals.lost += events;
  }

  /** Takes back the newer half of what waits: it is lost. */
  shed(): void {
    const { totals } = this.#options;
    const keepBytes = this.#waitingBytes / 2;
    let events = 0;
    let lostBefore = 0;
    while (this.#waitingBytes > keepBytes) {
      const last = this.#queue.pop()!;
      this.#waitingBytes -= last.chunk.length;
      events += last.events;
      lostBefore += last.lost;
    }
    totals.sent -= events;
    this.skip(events);
    // Told already, in a record that is gone now.
    this.#lost += lostBefore;
    this.#resumeAt = this.queuedBytes / 2;
  }

  /**
   * A comment when nothing was sent since the last call, so that both ends notice a dead connection. The id with it
   * moves a client on whose filter lets little through; without data it is no record for clients (HTML, 9.2.6).
   */
  heartbeat(): void {
    if (!this.#wroteSinceHeartbeat && this.queuedBytes === 0) {
      const id = this.#lost === 0 ? this.#options.position?.() : undefined;
      this.#enqueue(Buffer.from(`${HEARTBEAT}${id === undefined ? '' : `id: ${id}\n`}\n`), 0, 0);
    }
    this.#wroteSinceHeartbeat = false;
  }

  /** The last word before the stream ends: a gap must not go untold, whatever is still in the queue. */
  finish(): void {
    if (this.#lost > 0) this.#writeGap();
    this.#pass(Number.POSITIVE_INFINITY);
  }

  #leaveGap(): void {
    if (this.queuedBytes > this.#resumeAt) return;
    this.#writeGap();
    this.#options.onGapEnd?.();
  }

  #writeGap(): void {
    const lost = this.#lost;
    this.#lost = 0;
    const { gapText, now } = this.#options;
    const text =
      gapText?.(lost) ?? streamRecord('gap', JSON.stringify(gapRecord(lost, 'slow-client', now())));
    this.#enqueue(Buffer.from(text), 0, lost);
  }

  #enqueue(chunk: Buffer, events: number, lost: number): void {
    this.#wroteSinceHeartbeat = true;
    if (this.#waitingBytes === 0) this.#behindSince = this.#options.turn();
    this.#queue.push({ chunk, events, lost });
    this.#waitingBytes += chunk.length;
    this.#pass(AHEAD_BYTES);
  }

  /** Gives the socket what waits, until it holds so much that the kernel has not taken. */
  #pass(aheadBytes: number): void {
    let passed = 0;
    while (passed < this.#queue.length && this.#socket.writableLength < aheadBytes) {
      const { chunk } = this.#queue[passed++]!;
      this.#waitingBytes -= chunk.length;
      this.#socket.write(chunk, this.#flushed);
    }
    if (passed > 0) this.#queue.splice(0, passed);
  }

  /** The kernel has taken a write. A gap begins only while one is under way: it ends here or in `taking`. */
  readonly #flushed = (): void => {
    this.#pass(AHEAD_BYTES);
    if (this.#lost > 0) this.#leaveGap();
    this.#options.onRoom?.();
  };
}

export function gapRecord(lost: number | null, reason: GapJson['reason'], time: string): GapJson {
  return { schema_version: SCHEMA_VERSION, type: 'gap', time, lost, reason };
}
