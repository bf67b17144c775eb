// Counts per second over the last so many seconds, in place.

/** A window of counts; seconds are numbered by the caller and never fall. */
export class SecondCounts {
  readonly #counts: Uint32Array;
  #second = 0;

  /** `seconds` is how far back it can tell, the second under way included. */
  constructor(seconds: number) {
    this.#counts = new Uint32Array(seconds);
  }

  add(second: number): void {
    this.#advance(second);
    this.#counts[second % this.#counts.length]!++;
  }

  /** The counts of whole seconds before `second`, oldest first. */
  before(second: number): number[] {
    this.#advance(second);
    const size = this.#counts.length;
    return Array.from({ length: size - 1 }, (_, index) => this.#counts[(second + 1 + index) % size]!);
  }

  /** How many per second in so many whole seconds before `second`. */
  rate(second: number, seconds: number): number {
    const counts = this.before(second).slice(-seconds);
    return counts.reduce((sum, count) => sum + count, 0) / counts.length;
  }

  #advance(second: number): void {
    if (second <= this.#second) return;
    const size = this.#counts.length;
    if (second - this.#second >= size) this.#counts.fill(0);
    else for (let next = this.#second + 1; next <= second; next++) this.#counts[next % size] = 0;
    this.#second = second;
  }
}
