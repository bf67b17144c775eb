// The pause that grows from failure to failure.

export interface BackoffTimes {
  /** The first pause after a failure and the longest, in milliseconds. */
  readonly firstBackoffMs: number;
  readonly maxBackoffMs: number;
}

/** Pauses that double from failure to failure, between half and whole, so that agents do not come in step. */
export class Backoff {
  readonly #times: BackoffTimes;
  #failures = 0;

  constructor(times: BackoffTimes) {
    this.#times = times;
  }

  /** Failures since the last success. */
  get failures(): number {
    return this.#failures;
  }

  reset(): void {
    this.#failures = 0;
  }

  /** Counts a failure, and gives the pause after it. */
  nextMs(): number {
    return this.#pauseMs(this.#failures++);
  }

  /** The shortest pause, whatever came before; it does not count. */
  firstMs(): number {
    return this.#pauseMs(0);
  }

  #pauseMs(failures: number): number {
    const { firstBackoffMs, maxBackoffMs } = this.#times;
    const wholeMs = Math.min(maxBackoffMs, firstBackoffMs * 2 ** Math.min(failures, 16));
    return wholeMs * (0.5 + Math.random() / 2);
  }
}

/** Resolves after the time or when aborted. The timer does not keep the process alive. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms).unref();
    signal.addEventListener('abort', done);
  });
}
