// Work that is done again and again while the agent runs. A turn that fails is told, counted and made again at the next time:
// one look at a file that cannot be opened must not end the agent, nor the looking.

/** What became of one task so far. */
export interface TaskState {
  readonly name: string;
  readonly failures: number;
  /** Why the last turn failed; null when it did not. */
  readonly failing: string | null;
  /** Why the last turn that failed did so; null when none has. */
  readonly lastFailure: string | null;
}

export interface TasksOptions {
  /** The first failure in a row, and the success after it, in words. */
  readonly warn: (text: string) => void;
  readonly info: (text: string) => void;
}

export interface PeriodOptions {
  /** The first turn comes at once, not after a period. */
  readonly atOnce?: boolean;
  /** Does not keep the process alive. */
  readonly unref?: boolean;
}

const ON_STDERR: TasksOptions = { warn: (text) => process.emitWarning(text), info: () => {} };

/** The tasks of one agent. */
export class Tasks {
  readonly #options: TasksOptions;
  readonly #states = new Map<string, { -readonly [K in keyof TaskState]: TaskState[K] }>();

  constructor(options: TasksOptions = ON_STDERR) {
    this.#options = options;
  }

  /** In the order of their first turn; those of the same name count together. */
  states(): TaskState[] {
    return [...this.#states.values()].map((state) => ({ ...state }));
  }

  /**
   * Does the work, and again `periodMs` after it has ended, until the function that is returned is called. A promise is
   * waited for: turns never overlap.
   */
  every(
    name: string,
    periodMs: number,
    work: () => void | Promise<void>,
    options: PeriodOptions = {},
  ): () => void {
    const { atOnce = false, unref = false } = options;
    let timer: NodeJS.Timeout | undefined;
    let stopped = false;
    const schedule = () => {
      if (stopped) return;
      timer = setTimeout(turn, periodMs);
      if (unref) timer.unref();
    };
    const turn = () => {
      const ended = this.turn(name, work);
      if (ended === undefined) schedule();
      else void ended.then(schedule);
    };
    this.#stateOf(name);
    if (atOnce) turn();
    else schedule();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }

  /** One turn, for what has times of its own. Never throws; the promise, which there is for a promise only, never rejects. */
  turn(name: string, work: () => void | Promise<void>): Promise<void> | undefined {
    try {
      const ended = work();
      if (ended instanceof Promise)
        return ended.then(
          () => this.#succeeded(name),
          (error: unknown) => this.#failed(name, error),
        );
      this.#succeeded(name);
    } catch (error) {
      this.#failed(name, error);
    }
    return undefined;
  }

  #succeeded(name: string): void {
    const state = this.#stateOf(name);
    if (state.failing === null) return;
    state.failing = null;
    this.#options.info(`${name} works again`);
  }

  #failed(name: string, error: unknown): void {
    const state = this.#stateOf(name);
    const text = error instanceof Error ? error.message : String(error);
    if (state.failing === null) this.#options.warn(`${name} failed, and is tried again: ${text}`);
    state.failures++;
    state.failing = text;
    state.lastFailure = text;
  }

  #stateOf(name: string) {
    let state = this.#states.get(name);
    if (state === undefined) {
      state = { name, failures: 0, failing: null, lastFailure: null };
      this.#states.set(name, state);
    }
    return state;
  }
}
