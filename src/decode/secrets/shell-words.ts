// Splits the text of a shell script into words: not to run it, only to see which words are commands and options.

/** `text[from, to)` is the word, without the quotes where they enclose all of it. */
export interface ShellWord {
  readonly from: number;
  readonly to: number;
  /** A command begins with this word. */
  readonly command: boolean;
  /** What the first quotes in the word enclose: perhaps a script again. Equal where there are none. */
  readonly innerFrom: number;
  readonly innerTo: number;
}

const SPACE = 1;
/** Ends a word; the next one is a command. */
const OPERATOR = 2;
/** Ends a word. */
const REDIRECTION = 4;
const QUOTATION = 8;
const BACKSLASH = 0x5c;
const DOUBLE_QUOTE = 0x22;

const CLASSES = new Uint8Array(128);
for (const [chars, kind] of [
  [' \t\r\v\f', SPACE],
  [';|&()`\n', OPERATOR],
  ['<>', REDIRECTION],
  [`"'`, QUOTATION],
] as const) {
  for (const char of chars) CLASSES[char.charCodeAt(0)] = kind;
}
const ENDS_WORD = SPACE | OPERATOR | REDIRECTION;
/** Beyond ASCII, and beyond the end, there are only letters. */
const classOf = (code: number) => CLASSES[code] ?? 0;

/** Words after which the next one is a command. */
const KEYWORDS = new Set([
  '{',
  '!',
  'if',
  'then',
  'elif',
  'else',
  'do',
  'while',
  'until',
  'time',
  'exec',
  'command',
  'eval',
]);
const LONGEST_KEYWORD = 'command'.length;
const ASSIGNMENT = /^[A-Za-z_]\w*=/;
const LONGEST_NAME = 64;

/** The words of one script, in one pass. Never fails: an unbalanced quote is a character like others. */
export class ShellWords {
  readonly #text: string;
  /** Quotes that have no partner any more: looked for only once. */
  readonly #unpaired = new Set<number>();
  #at = 0;
  #command = true;

  constructor(text: string) {
    this.#text = text;
  }

  next(): ShellWord | null {
    const text = this.#text;
    while (this.#at < text.length) {
      const at = this.#at;
      const kind = classOf(text.charCodeAt(at));
      if ((kind & ENDS_WORD) !== 0) {
        if (kind === OPERATOR) this.#command = true;
        this.#at++;
      } else if (isEscapedQuote(text, at)) {
        // A quote of a script within the script: its content is split like the rest.
        this.#command = true;
        this.#at += 2;
      } else {
        const word = readWord(text, at, this.#unpaired, this.#command);
        this.#at = Math.max(word.from > at ? word.to + 1 : word.to, at + 1);
        this.#command = announcesCommand(text, word);
        return word;
      }
    }
    return null;
  }
}

/** Whether a command begins after the word: after `then`, and after `A=b` before a command. */
function announcesCommand(text: string, { from, to, command }: ShellWord): boolean {
  if (to - from > LONGEST_NAME) return command && ASSIGNMENT.test(text.slice(from, from + LONGEST_NAME));
  if (!command && to - from > LONGEST_KEYWORD) return false;
  const word = text.slice(from, to);
  return KEYWORDS.has(word) || (command && ASSIGNMENT.test(word));
}

const isEscapedQuote = (text: string, at: number) =>
  text.charCodeAt(at) === BACKSLASH && classOf(text.charCodeAt(at + 1)) === QUOTATION;

function readWord(text: string, start: number, unpaired: Set<number>, command: boolean): ShellWord {
  let at = start;
  let innerFrom = start;
  let innerTo = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const kind = classOf(code);
    if ((kind & ENDS_WORD) !== 0 || isEscapedQuote(text, at)) break;
    if (kind === QUOTATION && !unpaired.has(code)) {
      const close = closingQuote(text, at);
      if (close === -1) unpaired.add(code);
      else if (innerFrom === innerTo) [innerFrom, innerTo] = [at + 1, close];
      at = Math.max(close, at) + 1;
    } else {
      at += code === BACKSLASH ? 2 : 1;
    }
  }
  const end = Math.min(at, text.length);
  const quoted = innerFrom === start + 1 && innerTo === end - 1;
  return { from: quoted ? innerFrom : start, to: quoted ? innerTo : end, command, innerFrom, innerTo };
}

/** Double quotes know the backslash, single quotes do not. */
function closingQuote(text: string, open: number): number {
  const quote = text.charCodeAt(open);
  for (let at = open + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === BACKSLASH && quote === DOUBLE_QUOTE) at++;
    else if (code === quote) return at;
  }
  return -1;
}
