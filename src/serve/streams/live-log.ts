// What the clients of the live list were sent last, for those that come back: bounded in bytes over all filters together.

/** Some records of one tick. */
export interface LoggedSlice {
  readonly tick: number;
  readonly chunk: Buffer;
  readonly records: number;
}

/** The slices of one filter, numbered from 0 in the order in which they were sent. */
export class LiveLog {
  readonly #slices: LoggedSlice[] = [];
  #first = 0;
  #keptAfter: number;

  /** `tick`: the one after which everything is in the log. */
  constructor(tick: number) {
    this.#keptAfter = tick;
  }

  /** Number of the slice that comes next. */
  get end(): number {
    return this.#first + this.#slices.length;
  }

  /** Number of the first slice behind a tick; null when some of what came since is no longer kept. */
  behind(tick: number): number | null {
    if (tick < this.#keptAfter) return null;
    const index = this.#slices.findIndex((slice) => slice.tick > tick);
    return index === -1 ? this.end : this.#first + index;
  }

  /** The slice with that number, below `end`; null when it is no longer kept. */
  at(number: number): LoggedSlice | null {
    return this.#slices[number - this.#first] ?? null;
  }

  push(slice: LoggedSlice): void {
    this.#slices.push(slice);
  }

  /** Forgets the oldest slice, and returns it. */
  shift(): LoggedSlice {
    const slice = this.#slices.shift()!;
    this.#first++;
    this.#keptAfter = slice.tick;
    return slice;
  }
}

/** The logs of all filters. */
export class LiveLogs {
  readonly #maxBytes: number;
  /** The log of each slice that is kept, in the order in which they were sent. */
  #order: LiveLog[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(log: LiveLog, slice: LoggedSlice): void {
    log.push(slice);
    this.#order.push(log);
    this.#bytes += slice.chunk.length;
    let dropped = 0;
    while (this.#bytes > this.#maxBytes) this.#bytes -= this.#order[dropped++]!.shift().chunk.length;
    if (dropped > 0) this.#order.splice(0, dropped);
  }

  /** Forgets a log whole. */
  drop(log: LiveLog): void {
    for (const each of this.#order) if (each === log) this.#bytes -= log.shift().chunk.length;
    this.#order = this.#order.filter((each) => each !== log);
  }
}
