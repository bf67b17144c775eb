// Standard output as commands use it: waits for a slow reader, and knows when the reader has gone.
import type { Output } from './deps.ts';

/** Thrown out of a command whose output nobody reads any more (`| head`): no fault, the work is just over. */
export class ReaderGone extends Error {}

/** The output cannot take what it should: a full disk, say. */
export class OutputFailed extends Error {}

const GONE = new Set(['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']);

export class Writer {
  readonly #stream: Output;
  readonly #ended = new AbortController();

  constructor(stream: Output) {
    this.#stream = stream;
    // Never taken off: the event of a failed write may come after the command has ended.
    stream.on('error', (error: NodeJS.ErrnoException) =>
      this.#end(
        GONE.has(error.code ?? '')
          ? new ReaderGone()
          : new OutputFailed(`the output cannot be written: ${error.message}`, { cause: error }),
      ),
    );
    stream.on('close', () => this.#end(new ReaderGone()));
  }

  /** Aborted when nothing can be written any more; the reason is a ReaderGone or an OutputFailed. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Undefined where nobody tells it: a serial console or `docker exec -t` may say 0. */
  get columns(): number | undefined {
    return this.#stream.columns || undefined;
  }

  get isTTY(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Resolves when more may be written. @throws ReaderGone or OutputFailed */
  async write(text: string): Promise<void> {
    this.#ended.signal.throwIfAborted();
    if (this.#stream.write(text)) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        this.#stream.off('drain', go);
        this.#ended.signal.removeEventListener('abort', go);
        resolve();
      };
      this.#stream.on('drain', go);
      this.#ended.signal.addEventListener('abort', go);
    });
    this.#ended.signal.throwIfAborted();
  }

  /** Resolves when all is written, or cannot be. @throws OutputFailed */
  async flush(): Promise<void> {
    if (!this.#ended.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#ended.signal.addEventListener('abort', () => resolve());
        // The error event comes a tick after the callback.
        this.#stream.write('', () => setImmediate(resolve));
      });
    }
    if (this.#ended.signal.reason instanceof OutputFailed) throw this.#ended.signal.reason;
  }

  #end(reason: ReaderGone | OutputFailed): void {
    this.#ended.abort(reason);
  }
}
