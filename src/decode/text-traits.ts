// One look at the characters of an argument, which tells for most of them that there is no secret in it.

/** The text has an equals sign, a colon, white space, or what may begin a token of a known shape. */
export const EQUALS = 1;
export const COLON = 2;
export const BLANK = 4;
export const TOKEN = 8;
const ALPHANUMERIC = 16;

/** The first two letters of the tokens in `SHAPES`: at the start of a word they are rare enough. */
const TOKEN_STARTS = 'AK AS AB AC AG AI gh gi gl xo xa sk rk np py dc hf ya GO do hv ts SG ey'.split(' ');

const TRAITS = new Uint8Array(128);
for (let code = 0; code < 128; code++)
  if (/[A-Za-z0-9]/.test(String.fromCharCode(code))) TRAITS[code] = ALPHANUMERIC;
TRAITS['='.charCodeAt(0)] = EQUALS;
TRAITS[':'.charCodeAt(0)] = COLON;
for (const blank of ' \t\n\r\v\f') TRAITS[blank.charCodeAt(0)] = BLANK;

/** A bit for each first letter, and for each second letter the bits of the first ones that it may follow. */
const FIRST = new Uint32Array(128);
const SECOND = new Uint32Array(128);
for (const letter of new Set(TOKEN_STARTS.map((start) => start[0]!))) {
  FIRST[letter.charCodeAt(0)] = 2 ** FIRST.filter((bit) => bit > 0).length;
}
for (const start of TOKEN_STARTS) SECOND[start.charCodeAt(1)]! |= FIRST[start.charCodeAt(0)]!;

/** The traits of a text. Characters beyond ASCII may claim a trait: they cost a closer look. */
export function traitsOf(text: string): number {
  let traits = 0;
  let first = 0;
  let previous = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at) & 0x7f;
    const trait = TRAITS[code]!;
    traits |= trait;
    if ((first & SECOND[code]!) !== 0) traits |= TOKEN;
    first = (previous & ALPHANUMERIC) === 0 ? FIRST[code]! : 0;
    previous = trait;
  }
  return traits & ~ALPHANUMERIC;
}

/** Where at `from` or later a token may begin; -1: nowhere. */
export function tokenStart(text: string, from: number): number {
  let previous = from === 0 ? 0 : TRAITS[text.charCodeAt(from - 1) & 0x7f]!;
  for (let at = from; at < text.length - 1; at++) {
    const code = text.charCodeAt(at) & 0x7f;
    if ((previous & ALPHANUMERIC) === 0 && (FIRST[code]! & SECOND[text.charCodeAt(at + 1) & 0x7f]!) !== 0)
      return at;
    previous = TRAITS[code]!;
  }
  return -1;
}
