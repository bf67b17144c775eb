// Reads a BPF ring buffer that is mapped into memory, and decides when to look at it.
//
// Layout and protocol: kernel/bpf/ringbuf.c. A page with the consumer position (ours to write), then a page with
// the producer position and the data, mapped twice in a row so that no record is ever split. Each record begins
// with a length word whose top bits say that it is still being written (busy) or to be skipped (discard).
//
// A wake-up per record would cost the traced program ten times more than the record, so the reader rations them:
// it waits for one wake-up, then drains on a timer until nothing has come for a few ticks, then waits again. All
// records are submitted with the same flag (0): a wake-up is sent exactly when the reader had caught up.
import koffi from 'koffi';
import { type Mapping, mapShared, PAGE_BYTES } from '../os/index.ts';

const RECORD_HEADER_BYTES = 8;
const BUSY_BIT = 0x80000000;
const DISCARD_BIT = 0x40000000;

const TICK_MS = 10;
/** While much happens each look costs the node more than the records do: it disturbs whoever runs on that core. */
const BUSY_TICK_MS = 25;
/** Taken at a look, this much is busy … */
const BUSY_BYTES = 4096;
/** … and more than this share of the ring is too much to wait. */
const BUSY_RING_SHARE = 1 / 16;
/** Ticks without a record before the reader waits for a wake-up again. */
const EMPTY_TICKS = 3;
/** Looks without being woken, in case a wake-up is ever lost. */
const SAFETY_DRAIN_MS = 250;
/** Bytes to take before other work gets its turn. */
const DRAIN_BYTES = 1024 * 1024;
/** What listeners keep of a batch dies young when batches are small. */
export const BATCH_RECORDS = 256;

/**
 * How much of the second mapping of the data is needed: the part of the largest record that can reach over the end.
 * Mapping all of it would count the ring's memory twice for this process.
 */
const TAIL_BYTES = 64 * 1024;

/** The ring's memory, in the widths that records have. Offsets given to handlers are bytes into it. */
export interface RingMemory {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly longs: BigUint64Array;
}

export interface RingHandlers {
  /** One record. Its memory is valid only during the call. */
  record(memory: RingMemory, offset: number, length: number): void;
  /** After the last record of a drain, and after so many that listeners need not keep more at once. */
  batchEnd(): void;
  /** A handler threw: a bug, but reading goes on. */
  failed(error: unknown): void;
}

export class RingReader {
  readonly #sizeBytes: number;
  readonly #handlers: RingHandlers;
  readonly #consumerPage: Mapping;
  readonly #producerPages: Mapping;
  readonly #consumer: BigInt64Array;
  readonly #producer: BigInt64Array;
  readonly #memory: RingMemory;
  /** Signed, because Atomics.load of a Uint32Array element with the busy bit would be a heap number. */
  readonly #headers: Int32Array;
  readonly #poll: ReturnType<typeof koffi.node.poll>;
  /** Bytes consumed since the ring was made. */
  #position: number;
  #emptyTicks = 0;
  #timer: NodeJS.Timeout | undefined;
  #safety: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #running = false;
  #closed = false;

  /** `fd` is a ring buffer map of `sizeBytes`; it stays the caller's to close, after this reader. */
  constructor(fd: number, sizeBytes: number, handlers: RingHandlers) {
    this.#sizeBytes = sizeBytes;
    this.#handlers = handlers;
    this.#consumerPage = mapShared(fd, 0, PAGE_BYTES, true);
    const tailBytes = Math.min(sizeBytes, TAIL_BYTES);
    this.#producerPages = mapShared(fd, PAGE_BYTES, PAGE_BYTES + sizeBytes + tailBytes, false);
    this.#consumer = new BigInt64Array(this.#consumerPage.buffer, 0, 1);
    const data = this.#producerPages.buffer;
    this.#producer = new BigInt64Array(data, 0, 1);
    this.#headers = new Int32Array(data);
    this.#memory = {
      bytes: new Uint8Array(data),
      words: new Uint32Array(data),
      longs: new BigUint64Array(data),
    };
    this.#position = Number(Atomics.load(this.#consumer, 0));
    this.#poll = koffi.node.poll(fd, { readable: true }, () => this.#wake());
    this.#poll.stop();
  }

  /** Bytes in the ring that are not consumed yet. */
  get usedBytes(): number {
    return this.#closed ? 0 : Number(Atomics.load(this.#producer, 0)) - this.#position;
  }

  start(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    this.#safety = setInterval(() => this.#guard(() => void this.#drainSome()), SAFETY_DRAIN_MS);
    this.#wait();
  }

  /** Stops reading; the kernel goes on filling the ring. */
  stop(): void {
    this.#running = false;
    this.#poll.stop();
    clearTimeout(this.#timer);
    clearInterval(this.#safety);
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
  }

  /** Delivers everything that is in the ring by now. */
  drainAll(): void {
    if (this.#closed) return;
    const end = Number(Atomics.load(this.#producer, 0));
    while (this.#position < end && this.#drain(this.#sizeBytes) > 0);
  }

  close(): void {
    if (this.#closed) return;
    this.stop();
    this.#closed = true;
    this.#poll.close();
    this.#producerPages.unmap();
    this.#consumerPage.unmap();
  }

  #wait(): void {
    // Level-triggered: if something has come meanwhile the callback runs at once.
    this.#poll.start({ readable: true }, () => this.#wake());
  }

  #wake(): void {
    // An exception that leaves this callback would end the polling silently.
    this.#guard(() => {
      this.#poll.stop();
      this.#emptyTicks = 0;
      this.#tick();
    });
  }

  /** Reading goes on, if by nothing else then by the safety drain. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#handlers.failed(error);
    }
  }

  #tick(): void {
    if (!this.#running) return;
    const bytes = this.#drainSome();
    this.#emptyTicks = bytes > 0 ? 0 : this.#emptyTicks + 1;
    if (this.#emptyTicks >= EMPTY_TICKS) {
      this.#wait();
      return;
    }
    const busy = bytes >= BUSY_BYTES && bytes <= this.#sizeBytes * BUSY_RING_SHARE;
    this.#timer = setTimeout(() => this.#guard(() => this.#tick()), busy ? BUSY_TICK_MS : TICK_MS);
  }

  /** Drains a bounded amount; the rest when other work had its turn. */
  #drainSome(): number {
    const bytes = this.#drain(DRAIN_BYTES);
    if (bytes >= DRAIN_BYTES && this.#immediate === undefined) {
      this.#immediate = setImmediate(() => {
        this.#immediate = undefined;
        if (this.#running) this.#guard(() => void this.#drainSome());
      });
    }
    return bytes;
  }

  #drain(limitBytes: number): number {
    const mask = this.#sizeBytes - 1;
    const releaseEvery = this.#sizeBytes / 8;
    const start = this.#position;
    let released = start;
    let delivered = 0;
    let position = start;
    let end = Number(Atomics.load(this.#producer, 0));
    while (position < end && position - start < limitBytes) {
      const offset = PAGE_BYTES + (position & mask);
      // `&` works on 32 bits: the sizes are powers of two up to 1 GiB, so the low bits are right at any position.
      const header = Atomics.load(this.#headers, offset >> 2);
      if ((header & BUSY_BIT) !== 0) break;
      const length = header & ~DISCARD_BIT;
      if ((header & DISCARD_BIT) === 0) {
        delivered++;
        try {
          this.#handlers.record(this.#memory, offset + RECORD_HEADER_BYTES, length);
        } catch (error) {
          this.#handlers.failed(error);
        }
      }
      if (delivered === BATCH_RECORDS) {
        this.#endBatch();
        delivered = 0;
      }
      position += (length + RECORD_HEADER_BYTES + 7) & ~7;
      this.#position = position;
      if (position - released >= releaseEvery) {
        Atomics.store(this.#consumer, 0, BigInt(position));
        released = position;
      }
      if (position === end) end = Number(Atomics.load(this.#producer, 0));
    }
    if (position !== released) Atomics.store(this.#consumer, 0, BigInt(position));
    if (delivered > 0) this.#endBatch();
    return position - start;
  }

  #endBatch(): void {
    try {
      this.#handlers.batchEnd();
    } catch (error) {
      this.#handlers.failed(error);
    }
  }
}
