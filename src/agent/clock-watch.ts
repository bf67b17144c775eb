// How long the agent runs, and whether somebody has set the wall clock meanwhile.
import { boottimeNs, realtimeNs } from '../os/index.ts';

/** Reads of two clocks one after the other differ by less than this. */
const READING_SECONDS = 0.05;

/** NTP slews both clocks alike, so only steps make a difference. */
export class ClockWatch {
  readonly #clocks: { boottimeNs(): bigint; realtimeNs(): bigint };
  readonly #startNs: bigint;
  readonly #offsetNs: bigint;

  constructor(clocks = { boottimeNs, realtimeNs }) {
    this.#clocks = clocks;
    this.#startNs = clocks.boottimeNs();
    this.#offsetNs = clocks.realtimeNs() - this.#startNs;
  }

  /** By the clock since boot: suspended time counts. */
  get uptimeSeconds(): number {
    return Number(this.#clocks.boottimeNs() - this.#startNs) / 1e9;
  }

  /** 0 when it was not set. */
  get stepSeconds(): number {
    const seconds = Number(this.#clocks.realtimeNs() - this.#clocks.boottimeNs() - this.#offsetNs) / 1e9;
    return Math.abs(seconds) < READING_SECONDS ? 0 : seconds;
  }
}
