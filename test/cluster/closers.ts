// What a run has opened in a cluster and must close, whatever happens: at its end, on failure, on Ctrl-C.

export class Closers {
  readonly #suite: string;
  readonly #closers: (() => Promise<unknown>)[] = [];
  #closing: Promise<void> | undefined;

  /** `suite` goes before its messages. From now on a signal closes everything and ends the process, unless others see to it. */
  constructor(suite: string, { signals = true } = {}) {
    this.#suite = suite;
    if (!signals) return;
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => {
        if (!this.begun) console.error(`${suite}: ${signal}: everything is stopped, a moment`);
        void this.closeAll().finally(() => process.exit(130));
      });
  }

  /** Whether closing has begun: what fails from then on fails because of it. */
  get begun(): boolean {
    return this.#closing !== undefined;
  }

  push(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  /** Last opened first; a failure is told, and the rest goes on. */
  closeAll(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop())
      await close().catch((error) => {
        console.error(`${this.#suite}:`, error);
        process.exitCode = 1;
      });
  }
}
