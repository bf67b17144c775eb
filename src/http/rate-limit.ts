// How often one peer may ask: a steady rate, and a burst above it (GCRA: one number for each peer).

export interface RateLimitOptions {
  /** Requests per second in the long run. */
  readonly perSecond: number;
  /** Requests at once, after a pause. */
  readonly burst: number;
  readonly nowMs: () => number;
}

/** Peers that are remembered. One more, and those forgotten that have not asked lately; if all have, the oldest. */
const MAX_PEERS = 10_000;

export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #intervalMs: number;
  /** When each peer would be at rest: requests are spaced from there on. */
  readonly #restAtMs = new Map<string, number>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
    this.#intervalMs = 1000 / options.perSecond;
  }

  get peers(): number {
    return this.#restAtMs.size;
  }

  /** Zero when the request may pass, or else in how many milliseconds the next one may. */
  take(peer: string): number {
    const nowMs = this.#options.nowMs();
    const restAtMs = Math.max(this.#restAtMs.get(peer) ?? 0, nowMs);
    const earliestMs = restAtMs - (this.#options.burst - 1) * this.#intervalMs;
    if (earliestMs > nowMs) return earliestMs - nowMs;
    if (!this.#restAtMs.has(peer)) this.#makeRoom(nowMs);
    this.#restAtMs.set(peer, restAtMs + this.#intervalMs);
    return 0;
  }

  #makeRoom(nowMs: number): void {
    if (this.#restAtMs.size < MAX_PEERS) return;
    for (const [peer, restAtMs] of this.#restAtMs) if (restAtMs <= nowMs) this.#restAtMs.delete(peer);
    const oldest = this.#restAtMs.keys().next();
    if (this.#restAtMs.size >= MAX_PEERS && oldest.done !== true) this.#restAtMs.delete(oldest.value);
  }
}

/** Who counts as one: an address, and of IPv6 the network that one host usually has. */
export function peerKey(address: string | undefined): string {
  if (address === undefined) return 'unix';
  const mapped = /^::ffff:([\d.]+)$/i.exec(address);
  if (mapped !== null) return mapped[1]!;
  return address.includes(':') ? networkOf(address) : address;
}

/** The first 64 bits; `::` stands for as many zero groups as are missing. */
function networkOf(address: string): string {
  const [head, tail] = address.split('%', 1)[0]!.split('::');
  const front = head === '' ? [] : head!.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...new Array<string>(zeros).fill('0'), ...back];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
