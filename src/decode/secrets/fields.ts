// Finds secrets after `name:` in one text: fields of JSON, JavaScript and YAML, and HTTP headers.
import { HEADER_WORDS, isSecretValue, NameSet, NO_SECRET, nameStart, type NameKind } from './names.ts';
import type { Ranges } from './ranges.ts';

/** How a text is to be read. */
export interface TextKind {
  /** It has white space, so it may be a script. */
  readonly blank: boolean;
  /** It is written for people: `cookie: …` is no header. */
  readonly prose: boolean;
  /** The argument before it: after `-H` a text begins with a header, whatever its name looks like. */
  readonly previous: string;
}

const headers = new NameSet(HEADER_WORDS);
/** Blanks and list marks that are looked at before a name and after a colon. */
const MAX_BLANKS = 8;
const MAX_INDENTATION = 64;
const NUMBER = /-?\d[\d.eE+-]{0,63}/y;
/** A plain value of YAML that is all of its line; what follows the value. */
const PLAIN = /[^\s"'\\,{}[\]<>|&*!%$@`#][^\s"'\\,}]{0,255}/y;
const LINE_REST = /[ \t\r]{0,8}(?:$|[\n"'\\])/y;
/** Values of one line alone, as in `token: expired`, must be more than letters. */
const MORE_THAN_LETTERS = /[^A-Za-z.]/;
const HEADER_OPTION = /(?:^|[\s"'])(?:-H|--headers?|--proxy-header)[ =]{1,2}["']?$/;
const ATTACHED_HEADER = /^-H\w/;
const MAX_OPTION = 20;

const isQuote = (char: string | undefined): char is string => char === '"' || char === "'";
const isBlank = (char: string | undefined) => char === ' ' || char === '\t';

/** Marks the value after the colon, if the name before it is a secret's. Returns where to go on. */
export function findField(
  text: string,
  colon: number,
  names: NameSet,
  kind: TextKind,
  found: Ranges,
): number {
  let before = colon;
  while (before > 0 && colon - before < MAX_BLANKS && isBlank(text[before - 1])) before--;
  if (isQuote(text[before - 1])) return findQuotedName(text, before, colon, names, found);
  if (kind.prose || before < colon) return colon;
  const start = nameStart(text, colon);
  if (start === colon) return colon;
  const end = findHeader(text, start, colon, names, kind, found);
  return end === colon ? findPlainName(text, start, colon, names, kind, found) : end;
}

/** `"password": "SECRET"`, also with escaped quotes, and `"password": 1234`. */
function findQuotedName(
  text: string,
  nameQuote: number,
  colon: number,
  names: NameSet,
  found: Ranges,
): number {
  const quote = text[nameQuote - 1]!;
  const slash = text[nameQuote - 2] === '\\' ? '\\' : '';
  const nameEnd = nameQuote - 1 - slash.length;
  const start = nameStart(text, nameEnd);
  const kind = text[start - 1] === quote ? names.match(text, start, nameEnd) : NO_SECRET;
  if (kind === NO_SECRET) return colon;
  const from = skipBlanks(text, colon + 1);
  NUMBER.lastIndex = from;
  if (slash === '' && NUMBER.test(text)) return mark(text, from, NUMBER.lastIndex, kind, false, found);
  if (!text.startsWith(slash, from) || !isQuote(text[from + slash.length])) return colon;
  const value = from + slash.length + 1;
  return mark(text, value, closeOf(text, value, text[value - 1]!, slash), kind, false, found);
}

/** `{pwd: "SECRET"}` of JavaScript, `password: SECRET` of YAML. */
function findPlainName(
  text: string,
  start: number,
  colon: number,
  names: NameSet,
  { blank }: TextKind,
  found: Ranges,
): number {
  const kind = names.match(text, start, colon);
  if (kind === NO_SECRET) return colon;
  let before = start;
  while (before > 0 && start - before < MAX_INDENTATION && /[ \t-]/.test(text[before - 1]!)) before--;
  const opener = text[before - 1];
  const from = skipBlanks(text, colon + 1);
  const slash = text[from] === '\\' && isQuote(text[from + 1]) ? '\\' : '';
  if (isQuote(text[from + slash.length])) {
    if (opener !== undefined && !/[{,(;\n"']/.test(opener)) return colon;
    // The quote ends what the text quotes: there is no value.
    if (text[from + slash.length] === opener) return colon;
    const value = from + slash.length + 1;
    return mark(text, value, closeOf(text, value, text[value - 1]!, slash), kind, blank, found);
  }
  if (from === colon + 1 || (opener !== undefined && opener !== '\n' && !isQuote(opener))) return colon;
  PLAIN.lastIndex = from;
  if (!PLAIN.test(text)) return colon;
  const end = PLAIN.lastIndex;
  LINE_REST.lastIndex = end;
  const alone = !(opener === '\n' || text[end] === '\n');
  if (!LINE_REST.test(text) || (alone && !MORE_THAN_LETTERS.test(text.slice(from, end)))) return colon;
  return mark(text, from, end, kind, blank, found);
}

/**
 * `Authorization: Bearer SECRET`, `X-Api-Key: SECRET`, `Cookie: SECRET`, where the name begins the text, a quotation
 * or a line.
 */
function findHeader(
  text: string,
  start: number,
  colon: number,
  names: NameSet,
  { previous }: TextKind,
  found: Ranges,
): number {
  const before = start === 0 ? '\n' : text[start - 1]!;
  if (!/["'=\n]/.test(before)) return colon;
  const known = headers.match(text, start, colon);
  const kind = known === NO_SECRET ? names.match(text, start, colon) : known;
  if (kind === NO_SECRET) return colon;
  if (known === NO_SECRET && !isHeaderLike(text, start, colon)) {
    const option = start === 0 ? `${previous} ` : text.slice(Math.max(0, start - MAX_OPTION), start);
    if (!HEADER_OPTION.test(option) && !ATTACHED_HEADER.test(text)) return colon;
  }
  const quoted = isQuote(before);
  const close = text.indexOf(quoted ? before : '\n', colon);
  const end = close === -1 ? text.length : close;
  // `Bearer` and the like are worth showing; only Authorization has them.
  const introduction = (
    known === NO_SECRET ? /^\s{0,8}/ : /^\s{0,8}(?:[A-Za-z][\w-]{0,31}\s{1,8}(?=\S))?/
  ).exec(text.slice(colon + 1, end));
  return mark(text, colon + 1 + introduction![0].length, end, kind, quoted, found);
}

/** Names like `db-token` with a colon are volumes and image tags as well; a header has a space or an X- besides. */
function isHeaderLike(text: string, start: number, colon: number): boolean {
  const name = text.slice(start, colon);
  return /^(?:-H)?x-|api[-_]?key$/i.test(name) || (name.includes('-', 1) && text[colon + 1] === ' ');
}

function mark(
  text: string,
  from: number,
  end: number,
  kind: NameKind,
  script: boolean,
  found: Ranges,
): number {
  if (isSecretValue(text.slice(from, end), kind, script)) found.add(from, end);
  return end;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text[at]) && at < from + MAX_BLANKS) at++;
  return at;
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
