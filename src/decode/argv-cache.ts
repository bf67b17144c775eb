// Gives the same decoded arguments for the same bytes: most commands of a node repeat.

/** Arguments as they leave the decoder, and the bytes and executable that they came from. */
interface Entry {
  readonly bytes: Uint8Array;
  readonly executable: string;
  readonly argc: number;
  readonly argv: readonly string[];
}

/**
 * Bounded by `slots` commands of `maxBytes`; a new one takes the place of an old one. Arguments in which a secret
 * was masked must not be put in: their bytes have the secret.
 */
export class ArgvCache {
  readonly #entries: (Entry | undefined)[];
  readonly #mask: number;
  readonly #maxBytes: number;

  /** `slots` is a power of two. */
  constructor({ slots = 512, maxBytes = 512 }: { slots?: number; maxBytes?: number } = {}) {
    if (!Number.isInteger(Math.log2(slots)))
      throw new RangeError(`slots must be a power of two, not ${slots}`);
    this.#entries = new Array(slots).fill(undefined);
    this.#mask = slots - 1;
    this.#maxBytes = maxBytes;
  }

  /** The arguments for these bytes; undefined when they are not kept. */
  get(
    bytes: Uint8Array,
    start: number,
    end: number,
    argc: number,
    executable: string,
  ): readonly string[] | undefined {
    if (end - start > this.#maxBytes) return undefined;
    const entry = this.#entries[this.#slotOf(bytes, start, end)];
    if (entry === undefined || entry.argc !== argc || entry.executable !== executable) return undefined;
    const known = entry.bytes;
    if (known.length !== end - start) return undefined;
    for (let at = 0; at < known.length; at++) if (known[at] !== bytes[start + at]) return undefined;
    return entry.argv;
  }

  /** Keeps the arguments; from now on nobody may change them. */
  put(
    bytes: Uint8Array,
    start: number,
    end: number,
    argc: number,
    executable: string,
    argv: readonly string[],
  ): void {
    if (end - start > this.#maxBytes) return;
    this.#entries[this.#slotOf(bytes, start, end)] = {
      bytes: new Uint8Array(bytes.subarray(start, end)),
      executable,
      argc,
      argv: Object.freeze(argv),
    };
  }

  /** FNV-1a. */
  #slotOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = end - start;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    return (hash ^ (hash >>> 15)) & this.#mask;
  }
}
