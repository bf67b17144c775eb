// Finds secrets by what stands around them in one text: addresses, headers, JSON, keys, known shapes of tokens.
import { HEADER_WORDS, isSecretValue, NameSet, NO_SECRET, nameStart, SECRET } from './secret-names.ts';

/** Takes the place of one secret in its text. */
export const MASK = '***';

/** Parts of a text that are to be masked. */
export class Ranges {
  readonly #pairs: [from: number, to: number][] = [];
  /** Where the text that is being read begins in the text to mask. */
  offset = 0;

  reset(): this {
    // Setting the length costs more than looking at it, and mostly there was nothing.
    if (this.#pairs.length > 0) this.#pairs.length = 0;
    this.offset = 0;
    return this;
  }

  add(from: number, to: number): void {
    if (from < to) this.#pairs.push([from + this.offset, to + this.offset]);
  }

  get empty(): boolean {
    return this.#pairs.length === 0;
  }

  /** The text with its ranges masked, overlapping ones once. */
  apply(text: string): string {
    let masked = '';
    let end = 0;
    for (const [from, to] of this.#pairs.sort((a, b) => a[0] - b[0])) {
      if (to <= end) continue;
      if (from >= end) masked += text.slice(end, from) + MASK;
      end = to;
    }
    return masked + text.slice(end);
  }
}

/**
 * Tokens that are known by their shape. Every alternative either needs a bounded number of characters to fail or is
 * bound to where a run of its characters begins, so the time is linear in the text. Literal beginnings keep the
 * search fast: it runs over every longer argument.
 */
const SHAPES = new RegExp(
  [
    /(?<![A-Za-z0-9])A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}(?:[:,;/ ]{1,4}[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+]))?/,
    /gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}/,
    /gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent)-[\w-]{20,}/,
    /xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}/,
    /(?<![A-Za-z0-9])sk-(?:(?:proj|ant|svcacct|or|lf)-[\w-]{20,}|[A-Za-z0-9]{20,})/,
    /(?<![A-Za-z0-9])[sr]k_(?:live|test)_[A-Za-z0-9]{16,}/,
    /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,}|dckr_pat_[\w-]{20,}|(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}/,
    /AIza[\w-]{35}|(?<![\w-])ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}/,
    /dop_v1_[a-f0-9]{40,}|(?<![\w-])hv[sbr]\.[\w-]{20,}|tskey-[a-z]{2,12}-[\w-]{10,}/,
    /AGE-SECRET-KEY-1[A-Z0-9]{50,}|(?<![\w-])SG\.[\w-]{16,}\.[\w-]{16,}/,
    /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/,
  ]
    .map((shape) => shape.source)
    .join('|'),
  'g',
);
/** Shorter texts hold none of them. */
const MIN_SHAPE = 15;

/** A digit tells a token from prose about bearers. */
const BEARER = /\bbearer\s{1,8}(?=[A-Za-z.~+/_-]{0,256}\d)([\w.~+/-]{16,}={0,2})/dgi;
const SQL_PASSWORD =
  /\b(?:identified\s{1,8}(?:with\s{1,8}[\w"'`]{1,64}\s{1,8})?(?:by|as)\s{0,8}|password(?:\s{1,8}|\s{0,8}[=(]\s{0,8}))'((?:[^'\\]|\\.|''){1,256})/dgi;
const PEM_BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;

const SLASH = 0x2f;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;

const headers = new NameSet(HEADER_WORDS);

/**
 * Marks what is a secret wherever it stands. `blank`: the text has white space; `prose`: it is written for people, so
 * `cookie: …` is no header.
 */
export function findInText(
  text: string,
  names: NameSet,
  blank: boolean,
  prose: boolean,
  found: Ranges,
): void {
  if (text.length >= MIN_SHAPE) {
    // Not matchAll, which makes a new RegExp each time.
    SHAPES.lastIndex = 0;
    for (let match = SHAPES.exec(text); match !== null; match = SHAPES.exec(text)) {
      found.add(match.index, SHAPES.lastIndex);
    }
    if (blank) findSpelledOut(text, found);
  }
  if (text.includes(':')) findAtColons(text, names, blank, prose, found);
}

/** Whether there is a token of a known shape. */
export function hasShape(text: string): boolean {
  SHAPES.lastIndex = 0;
  return text.length >= MIN_SHAPE && SHAPES.test(text);
}

function findSpelledOut(text: string, found: Ranges): void {
  addGroups(BEARER, text, found);
  if (text.includes("'")) addGroups(SQL_PASSWORD, text, found);
  if (text.includes('-----BEGIN ')) findPrivateKeys(text, found);
}

/** Marks group 1 of every match, or all of it without groups. The pattern has the flags d and g. */
export function addGroups(pattern: RegExp, text: string, found: Ranges): void {
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    found.add(...(match.indices![1] ?? match.indices![0]!));
    if (match[0] === '') pattern.lastIndex++;
  }
}

function findPrivateKeys(text: string, found: Ranges): void {
  PEM_BEGIN.lastIndex = 0;
  for (let match = PEM_BEGIN.exec(text); match !== null; match = PEM_BEGIN.exec(text)) {
    const from = PEM_BEGIN.lastIndex;
    const end = text.indexOf('-----END', from);
    found.add(from, end === -1 ? text.length : end);
    if (end === -1) return;
    PEM_BEGIN.lastIndex = end;
  }
}

function findAtColons(text: string, names: NameSet, script: boolean, prose: boolean, found: Ranges): void {
  let urls: UrlPasswords | null = null;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    const before = text.charCodeAt(at - 1);
    if (text.charCodeAt(at + 1) === SLASH && text.charCodeAt(at + 2) === SLASH) {
      urls ??= new UrlPasswords(text, script);
      at = Math.max(at, urls.find(at + 3, found));
    } else if (before === QUOTE || before === APOSTROPHE) {
      at = Math.max(at, findJsonField(text, at, names, found));
    } else if (!prose) {
      at = Math.max(at, findHeader(text, at, names, found));
    }
  }
}

/** Next match of a pattern at or after a position, for positions that only grow: each part is searched once. */
class Next {
  readonly #pattern: RegExp;
  readonly #text: string;
  #found = -1;

  constructor(pattern: RegExp, text: string) {
    this.#pattern = pattern;
    this.#text = text;
  }

  from(position: number): number {
    if (this.#found < position) {
      this.#pattern.lastIndex = position;
      this.#found = this.#pattern.exec(this.#text)?.index ?? this.#text.length;
    }
    return this.#found;
  }
}

/** `scheme://user:PASSWORD@host` in one text. */
class UrlPasswords {
  readonly #text: string;
  readonly #script: boolean;
  readonly #authorityEnd: Next;
  readonly #wordEnd: Next;
  readonly #at: Next;

  constructor(text: string, script: boolean) {
    this.#text = text;
    this.#script = script;
    this.#authorityEnd = new Next(/[/?#\s"'`<>]/g, text);
    this.#wordEnd = new Next(/[\s"'`<>]/g, text);
    this.#at = new Next(/@/g, text);
  }

  /** Marks the password of the address whose authority begins at `start`. Returns where to go on. */
  find(start: number, found: Ranges): number {
    const end = this.#authorityEnd.from(start);
    const authority = this.#text.slice(start, end);
    let userEnd = authority.lastIndexOf('@') + start;
    const colon = authority.indexOf(':') + start;
    if (colon < start) return start;
    if (userEnd < start) {
      // A password with a slash in it, which is against the rules and happens: no port, and an @ follows.
      if (authority.startsWith('[') || /^\d*$/.test(this.#text.slice(colon + 1, end))) return end - 1;
      userEnd = this.#at.from(end);
      if (userEnd >= this.#wordEnd.from(end)) return end - 1;
    }
    if (colon < userEnd && isSecretValue(this.#text.slice(colon + 1, userEnd), SECRET, this.#script)) {
      found.add(colon + 1, userEnd);
    }
    return userEnd;
  }
}

/** `"password": "SECRET"`, also with escaped quotes. Returns where to go on. */
function findJsonField(text: string, colon: number, names: NameSet, found: Ranges): number {
  const quote = text[colon - 1]!;
  const slash = text[colon - 2] === '\\' ? '\\' : '';
  const nameEnd = colon - 1 - slash.length;
  const start = nameStart(text, nameEnd);
  const kind = text[start - 1] === quote ? names.match(text, start, nameEnd) : NO_SECRET;
  if (kind === NO_SECRET) return colon;
  let from = colon + 1;
  while (text[from] === ' ' && from < colon + 9) from++;
  const valueQuote = text[from + slash.length];
  if (!text.startsWith(slash, from) || (valueQuote !== '"' && valueQuote !== "'")) return colon;
  from += slash.length + 1;
  const end = closeOf(text, from, valueQuote, slash);
  if (isSecretValue(text.slice(from, end), kind, false)) found.add(from, end);
  return end;
}

/** Where the quotation ends; quotes in it have a backslash before, or one more where all have one. */
function closeOf(text: string, from: number, quote: string, slash: string): number {
  if (slash !== '') {
    const end = text.indexOf(slash + quote, from);
    return end === -1 ? text.length : end;
  }
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === quote) return at;
  }
  return text.length;
}

/**
 * `Authorization: Bearer SECRET`, `X-Api-Key: SECRET`, `Cookie: SECRET`, where the name begins the text, a quotation
 * or a line. Returns where to go on.
 */
function findHeader(text: string, colon: number, names: NameSet, found: Ranges): number {
  const start = nameStart(text, colon);
  const before = start === 0 ? '\n' : text[start - 1]!;
  if (!/["'=\n]/.test(before)) return colon;
  const known = headers.match(text, start, colon);
  const kind =
    known === NO_SECRET && isHeaderLike(text, start, colon) ? names.match(text, start, colon) : known;
  if (kind === NO_SECRET) return colon;
  const quoted = before === '"' || before === "'";
  const close = text.indexOf(quoted ? before : '\n', colon);
  const end = close === -1 ? text.length : close;
  // `Bearer` and the like are worth showing; only Authorization has them.
  const introduction = (
    known === NO_SECRET ? /^\s{0,8}/ : /^\s{0,8}(?:[A-Za-z][\w-]{0,31}\s{1,8}(?=\S))?/
  ).exec(text.slice(colon + 1, end));
  const from = colon + 1 + introduction![0].length;
  if (isSecretValue(text.slice(from, end), kind, quoted)) found.add(from, end);
  return end;
}

/** Names like `db-token` with a colon are volumes and image tags as well; a header has a space or an X- besides. */
function isHeaderLike(text: string, start: number, colon: number): boolean {
  const name = text.slice(start, colon);
  return /^(?:-H)?x-/i.test(name) || (name.includes('-', 1) && text[colon + 1] === ' ');
}
