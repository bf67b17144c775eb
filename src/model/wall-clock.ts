// CLOCK_BOOTTIME values as wall-clock time.

/** Both clocks, read one right after the other. */
export interface ClockReader {
  boottimeNs(): bigint;
  realtimeNs(): bigint;
}

/** Less is noise, or slewing that times of day can bear. */
const STEP_NS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;

export class WallClock {
  readonly #clocks: ClockReader;
  #offsetNs = 0n;
  #cachedSecond = -1n;
  #cachedPrefix = '';

  constructor(clocks: ClockReader) {
    this.#clocks = clocks;
    this.adjust();
  }

  /** Takes a step of the wall clock into account; to be called now and then. */
  adjust(): void {
    const offsetNs = this.#clocks.realtimeNs() - this.#clocks.boottimeNs();
    const changeNs = offsetNs > this.#offsetNs ? offsetNs - this.#offsetNs : this.#offsetNs - offsetNs;
    // The two clocks cannot be read at one moment: only a real step may change the time of a past event.
    if (changeNs > STEP_NS) this.#offsetNs = offsetNs;
  }

  /** The inverse of `format`, from nanoseconds since 1970. */
  ktimeOf(realtimeNs: bigint): bigint {
    return realtimeNs - this.#offsetNs;
  }

  /** RFC 3339 with nanoseconds, UTC. Cheap for times within the same second. */
  format(ktimeNs: bigint): string {
    const ns = ktimeNs + this.#offsetNs;
    const second = ns / NS_PER_SECOND;
    if (second !== this.#cachedSecond) {
      this.#cachedSecond = second;
      this.#cachedPrefix = new Date(Number(second) * 1000).toISOString().slice(0, 20);
    }
    return `${this.#cachedPrefix}${(ns - second * NS_PER_SECOND).toString().padStart(9, '0')}Z`;
  }
}
