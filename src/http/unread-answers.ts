// The bytes of answers that were written and that nobody has taken yet, of one application: they stand in the agent's memory.
//
// When they become too many, the answer that has been waiting for longest is cut, until the rest fits: whoever reads is served,
// whatever those do who only ask. Streams have a bound of their own (stream.total_queue_bytes).
import type { ServerResponse } from 'node:http';

export class UnreadAnswers {
  readonly #maxBytes: number;
  /** In the order in which they were written. */
  readonly #waiting = new Map<ServerResponse, number>();
  #bytes = 0;
  #cut = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Of all answers that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Answers that were cut so far. */
  get cut(): number {
    return this.#cut;
  }

  /** An answer of so many bytes is about to be written. One that is larger than the bound by itself is never cut for it. */
  add(response: ServerResponse, bytes: number): void {
    const taken = () => this.#forget(response);
    response.once('finish', taken).once('close', taken);
    this.#waiting.set(response, bytes);
    this.#bytes += bytes;
    for (const [oldest] of this.#waiting) {
      if (this.#bytes <= this.#maxBytes || oldest === response) break;
      this.#forget(oldest);
      this.#cut++;
      oldest.socket?.destroy();
    }
  }

  #forget(response: ServerResponse): void {
    this.#bytes -= this.#waiting.get(response) ?? 0;
    this.#waiting.delete(response);
  }
}
