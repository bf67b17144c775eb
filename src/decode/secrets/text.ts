// Finds secrets by what stands around them in one text: addresses, headers, JSON, keys, known shapes of tokens.
import { findField, type TextKind } from './fields.ts';
import type { NameSet } from './names.ts';
import { type Ranges, STEPS } from './ranges.ts';
import { UrlSecrets } from './url.ts';

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
/** What stands in quotes in a command that sets a password, or the word after IDENTIFIED BY. */
const QUOTED = /'((?:[^'\\]|\\.|''){1,256})|\\?"((?:[^"\\]|\\[^"]){1,256})/.source;
const SQL_PASSWORD = new RegExp(
  String.raw`\b(?:identified\s{1,8}(?:with\s{1,8}[\w"'\`]{1,64}\s{1,8})?(?:by|as)\s{0,8}(?:(?:password|values)\b\s{0,8})?` +
    String.raw`(?:${QUOTED}|(?!['"\\$]|(?:password|values|random)\b)([^\s"'\`;,]{1,256}))` +
    String.raw`|password\s{0,8}[=(]\s{0,8}\(?(?:${QUOTED})|password\s{1,8}'((?:[^'\\]|\\.|''){1,256}))`,
  'dgi',
);
/** `db.auth("user", "SECRET")`, `auth=("user", "SECRET")`, `changeUserPassword('user', 'SECRET')`. */
const AUTH_CALL =
  /(?:\bauth\s?=?\s?|changeUserPassword)\(\s?["'][^"'\\\s]{0,64}["']\s?,\s?["']([^"'\\]{1,256})["']/dg;
/** `jdbc:oracle:thin:user/SECRET@…` */
const ORACLE_URL = /jdbc:oracle:\w{1,16}:[^\s/@:]{1,64}\/([^\s@/]{1,128})@/dg;
const PEM_BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;

const SLASH = 0x2f;

/** Marks what is a secret wherever it stands. */
export function findInText(text: string, names: NameSet, kind: TextKind, found: Ranges): void {
  if (text.length >= MIN_SHAPE) {
    // Not matchAll, which makes a new RegExp each time.
    SHAPES.lastIndex = 0;
    for (let match = SHAPES.exec(text); match !== null; match = SHAPES.exec(text)) {
      if (found.addBounded(match.index, SHAPES.lastIndex, text.length)) break;
    }
    if (kind.blank) findSpelledOut(text, found);
    if (text.includes('jdbc:oracle:')) addGroups(ORACLE_URL, text, found);
    if (text.includes('(')) addGroups(AUTH_CALL, text, found);
  }
  if (text.includes(':')) findAtColons(text, names, kind, found);
}

/** Whether there is a token of a known shape. */
export function hasShape(text: string): boolean {
  SHAPES.lastIndex = 0;
  return text.length >= MIN_SHAPE && SHAPES.test(text);
}

function findSpelledOut(text: string, found: Ranges): void {
  addGroups(BEARER, text, found);
  addOneOfGroups(SQL_PASSWORD, text, found);
  if (text.includes('-----BEGIN ')) findPrivateKeys(text, found);
}

/** Marks group 1 of every match, or all of it without groups. The pattern has the flags d and g. */
export function addGroups(pattern: RegExp, text: string, found: Ranges): void {
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    if (found.addBounded(...(match.indices![1] ?? match.indices![0]!), text.length)) return;
    if (match[0] === '') pattern.lastIndex++;
  }
}

/** Marks the group that took part in a match, of a pattern with a group in each of its alternatives. */
function addOneOfGroups(pattern: RegExp, text: string, found: Ranges): void {
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const group = match.indices!.find((range, index) => index > 0 && range !== undefined);
    if (group !== undefined && found.addBounded(...group, text.length)) return;
  }
}

function findPrivateKeys(text: string, found: Ranges): void {
  PEM_BEGIN.lastIndex = 0;
  for (let match = PEM_BEGIN.exec(text); match !== null; match = PEM_BEGIN.exec(text)) {
    const from = PEM_BEGIN.lastIndex;
    const end = text.indexOf('-----END', from);
    if (found.addBounded(from, end === -1 ? text.length : end, text.length) || end === -1) return;
    PEM_BEGIN.lastIndex = end;
  }
}

function findAtColons(text: string, names: NameSet, kind: TextKind, found: Ranges): void {
  let urls: UrlSecrets | null = null;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    if (!found.budget.take(STEPS.sign)) {
      found.add(at, text.length);
      return;
    }
    if (text.charCodeAt(at + 1) === SLASH && text.charCodeAt(at + 2) === SLASH) {
      urls ??= new UrlSecrets(text, kind.blank);
      at = Math.max(at, urls.find(at + 3, found));
    } else {
      at = Math.max(at, findField(text, at, names, kind, found));
    }
  }
}
