// Cuts a stream of bytes into lines, within a bound.

/** Splits at line feeds; characters of several bytes may lie across chunks. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of a line that has not ended yet. */
  get pendingBytes(): number {
    return this.#bytes;
  }

  /** The lines that end in this chunk, without their line feeds. Throws a RangeError when one grows too long. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let begin = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, begin)) {
      this.#keep(chunk.subarray(begin, end));
      lines.push(Buffer.concat(this.#parts, this.#bytes).toString('utf8'));
      this.#parts = [];
      this.#bytes = 0;
      begin = end + 1;
    }
    this.#keep(chunk.subarray(begin));
    return lines;
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) throw new RangeError(`a line is longer than ${this.#maxBytes} bytes`);
    this.#parts.push(part);
  }
}
