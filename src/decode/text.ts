// Bytes from the kernel as text, so that every byte can be had back; and the text of repeated bytes only once.

const BACKSLASH = 0x5c;
const NUL = 0;
/** Up to here building a string character by character beats a call into Node (measured: 7 characters). */
const SHORT_BYTES = 6;

type Slice = (this: Uint8Array, start: number, end: number) => string;
/** Buffer's own slices take any Uint8Array: half the cost of `Buffer.from(…).toString(…)`, a view is not made. */
const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as { latin1Slice: Slice; utf8Slice: Slice };

const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => `\\x${byte.toString(16).padStart(2, '0')}`);
/** A backslash that would read as an escape. */
const AMBIGUOUS = /\\(?=x[0-9a-fA-F]{2})/g;
/** NUL to DEL. */
const ASCII = /^[\0-\x7f]*$/;
const ESCAPE = /\\x([0-9a-fA-F]{2})/g;

/**
 * The text of `bytes[start, end)`. Valid UTF-8 stays as it is; every byte that is no part of it becomes `\xNN`
 * (lower case), and so does the backslash of a literal `\xNN`, as `\x5c`. `encodeText` gives the bytes back.
 */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  if (!isPlain(bytes, start, end)) return decodeEscaped(bytes, start, end);
  return decodePlain(bytes, start, end);
}

/** The bytes that `decodeText` was given. Text that it cannot have made is encoded as UTF-8. */
export function encodeText(text: string): Uint8Array {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (const match of text.matchAll(ESCAPE)) {
    parts.push(Buffer.from(text.slice(from, match.index)), Uint8Array.of(Number.parseInt(match[1]!, 16)));
    from = match.index + match[0].length;
  }
  parts.push(Buffer.from(text.slice(from)));
  return new Uint8Array(Buffer.concat(parts));
}

/** `bytes[start, end)` with one character for each byte (Latin-1): nothing is read into them, nothing is lost. */
export function rawText(bytes: Uint8Array, start: number, end: number): string {
  return latin1Slice.call(bytes, start, end);
}

/**
 * What `rawText` gave, for people: valid UTF-8 as its characters, every byte that is no part of it as `\xNN`. Unlike in
 * `decodeText` a backslash stays as it is, for names of systemd are full of them (`\x2d`): the bytes cannot be had back.
 */
export function readableText(raw: string): string {
  if (ASCII.test(raw)) return raw;
  const bytes = Buffer.from(raw, 'latin1');
  return decodeParts(bytes, 0, bytes.length, (start, end) => utf8Slice.call(bytes, start, end));
}

/**
 * The arguments in `bytes[start, end)`, empty ones included, at most `argc`. Each ends with a NUL; where the memory
 * was cut the last one has none. Pass Infinity where the kernel's count is unknown.
 */
export function splitArgv(bytes: Uint8Array, start: number, end: number, argc: number): string[] {
  const argv: string[] = [];
  if (argc <= 0 || start >= end) return argv;
  if (!isPlain(bytes, start, end)) return splitEscaped(bytes, start, end, argc);
  // One call into Node for all arguments, because the call costs more than the characters.
  const text = latin1Slice.call(bytes, start, end);
  for (let from = 0; from < text.length && argv.length < argc; ) {
    let stop = from;
    while (stop < text.length && bytes[start + stop] !== NUL) stop++;
    argv.push(text.slice(from, stop));
    from = stop + 1;
  }
  return argv;
}

function splitEscaped(bytes: Uint8Array, start: number, end: number, argc: number): string[] {
  const argv: string[] = [];
  for (let from = start; from < end && argv.length < argc; ) {
    let stop = from;
    while (stop < end && bytes[stop] !== NUL) stop++;
    argv.push(decodeText(bytes, from, stop));
    from = stop + 1;
  }
  return argv;
}

/**
 * Gives the same string object for the same bytes, as long as no others needed its place. A new one takes the place
 * of the old, so its size is bounded by `slots` texts of `maxBytes`.
 */
export class TextCache {
  readonly #texts: (string | undefined)[];
  readonly #mask: number;
  readonly #maxBytes: number;

  /** `slots` is a power of two. Longer texts than `maxBytes` are decoded each time. */
  constructor({ slots = 512, maxBytes = 128 }: { slots?: number; maxBytes?: number } = {}) {
    if (!Number.isInteger(Math.log2(slots)))
      throw new RangeError(`slots must be a power of two, not ${slots}`);
    this.#texts = new Array(slots).fill(undefined);
    this.#mask = slots - 1;
    this.#maxBytes = maxBytes;
  }

  /** As `decodeText`. */
  get(bytes: Uint8Array, start: number, end: number): string {
    if (end - start > this.#maxBytes) return decodeText(bytes, start, end);
    let hash = end - start;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    const slot = (hash ^ (hash >>> 15)) & this.#mask;
    const known = this.#texts[slot];
    if (known !== undefined && spells(known, bytes, start, end)) return known;
    // Escaped text does not spell its bytes, so it could be taken for other bytes: it is not kept.
    if (!isPlain(bytes, start, end)) return decodeEscaped(bytes, start, end);
    const text = decodePlain(bytes, start, end);
    this.#texts[slot] = text;
    return text;
  }
}

/** Whether the bytes are those of an ASCII text. */
function spells(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let at = start; at < end; at++) if (text.charCodeAt(at - start) !== bytes[at]) return false;
  return true;
}

/** ASCII without a backslash: each byte is its character. */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte >= 0x80 || byte === BACKSLASH) return false;
  }
  return true;
}

function decodePlain(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > SHORT_BYTES) return latin1Slice.call(bytes, start, end);
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

function decodeEscaped(bytes: Uint8Array, start: number, end: number): string {
  return decodeParts(bytes, start, end, (from, to) =>
    utf8Slice.call(bytes, from, to).replace(AMBIGUOUS, '\\x5c'),
  );
}

/** `decodeValid` reads the parts that are valid UTF-8. */
function decodeParts(
  bytes: Uint8Array,
  start: number,
  end: number,
  decodeValid: (start: number, end: number) => string,
): string {
  let text = '';
  let validFrom = start;
  for (let at = start; at < end; ) {
    const length = bytes[at]! < 0x80 ? 1 : sequenceLength(bytes, at, end);
    if (length > 0) {
      at += length;
      continue;
    }
    if (at > validFrom) text += decodeValid(validFrom, at);
    text += HEX_BYTES[bytes[at]!]!;
    at++;
    validFrom = at;
  }
  return end > validFrom ? text + decodeValid(validFrom, end) : text;
}

/** Bytes of the well-formed sequence that begins at `at` with a byte above 0x7f; 0 if none does (Unicode table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at]!;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + length > end) return 0;
  // The second byte is narrower after some leads: no overlong forms, no surrogates, nothing above U+10FFFF.
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (bytes[at + 1]! < low || bytes[at + 1]! > high) return 0;
  for (let next = at + 2; next < at + length; next++) if ((bytes[next]! & 0xc0) !== 0x80) return 0;
  return length;
}
