// Which names (of options, variables, fields, headers) announce a secret, and which values are none all the same.
import { looksLikeKey } from './shape.ts';

/** What is known of a name: not a secret's, a secret's, or a secret's under a condition on the value. */
export const NO_SECRET = 0;
export const SECRET = 1;
export const SECRET_UNLESS_PATH = 2;
/** A weak name: the value must look like a key. */
export const SECRET_IF_KEY = 3;
export type NameKind = typeof NO_SECRET | typeof SECRET | typeof SECRET_UNLESS_PATH | typeof SECRET_IF_KEY;

interface Word {
  /** Lower case, without separators: `apikey` stands for api-key, api_key, apiKey and API.KEY. */
  readonly text: string;
  readonly kind: NameKind;
  /** Must be a word of its own in the name: `pass` in db-pass, not in bypass. */
  readonly alone: boolean;
}

const word = (text: string, options: { alone?: boolean; kind?: NameKind } = {}): Word => ({
  text,
  kind: options.kind ?? SECRET,
  alone: options.alone === true,
});

/** A name that ends with one of these is a secret's. docs/secrets.md lists them. */
export const SECRET_WORDS: readonly Word[] = [
  ...['password', 'passwd', 'passphrase', 'passcode', 'storepass', 'keypass', 'requirepass', 'sshpass'],
  ...['token', 'secret', 'apikey', 'accesskey', 'secretkey', 'authkey', 'accountkey', 'storagekey'],
  ...['masterauth', 'rediscliauth', 'secretkeybase'],
]
  .map((text) => word(text))
  .concat(
    ['pass', 'bearer', 'psk'].map((text) => word(text, { alone: true })),
    ['privatekey', 'encryptionkey', 'signingkey', 'masterkey', 'sharedkey', 'certificatekey', 'pwd'].map(
      (text) => word(text, { kind: SECRET_UNLESS_PATH }),
    ),
    ['credential', 'credentials', 'creds'].map((text) =>
      word(text, { alone: true, kind: SECRET_UNLESS_PATH }),
    ),
    ['secretid', 'auth', 'login', 'encrypt', 'hmac'].map((text) =>
      word(text, { alone: true, kind: SECRET_IF_KEY }),
    ),
  );

/** One of these is in every name of a secret, variables in capitals included. */
export const SECRET_NAME_PIECES = [
  ...['pass', 'pwd', 'token', 'secret', 'key', 'auth', 'bearer', 'psk', 'cred'],
  ...['login', 'encrypt', 'hmac'],
];

/** Parameters that are a secret only in the query of an address. */
export const QUERY_WORDS: readonly Word[] = ['sig', 'signature', 'auth'].map((text) =>
  word(text, { alone: true }),
);

/** Headers that are a secret and whose names end like no other. */
export const HEADER_WORDS: readonly Word[] = ['authorization', 'cookie'].map((text) => word(text));

/** Names that end like a secret's and are none: counters and markers of language models, paging, Kubernetes names. */
const HARMLESS =
  /(?:^-D|^|[-_.])(?:(?:max|min|num|eos|bos|pad|unk|sep|cls|mask|stop|start|starting|end|special|next|page|continuation|pagination|resume|client[-_]?request|idempotency)[-_]?token|(?:pull|tls|existing)[-_]?secret|(?:one|two|single|multi|first|second)[-_]?pass)$/i;
/** `--no-password`, `--ask-pass`: an option without a value. */
const SWITCH =
  /^-*(?:no|with|without|use|ask|prompt|require|allow|skip|show|print|generate|random|reset|rotate|enable|disable|check|verify|read|has|is)[-_]/i;
/** `*_KEY` in capitals is taken for a secret, except where the word before says that it is public or an index. */
const CAPITAL_KEY = /^[A-Z0-9_]*_KEY$/;
const PUBLIC_KEY =
  /(?:PUBLIC|PUB|PRIMARY|FOREIGN|SORT|PARTITION|CACHE|HOST|GPG|INDEX|GROUP|ROUTING|OBJECT|S3|SSH)_KEY$/;

const VALUE_OF_SWITCH = /^(?:true|false|yes|no|on|off|none|null|-|[0-9])$/i;
/** Also `name:/path`. */
const PATH =
  /^(?:(?:[\w.-]{0,64}:)?\/|\.\.?(?:\/|$)|~|file:)|\.(?:pem|key|json|ya?ml|p12|pfx|jks|crt|txt|ini|conf)$/i;
/** Longest part of a name that is looked at: bounds the work for hostile arguments. */
const MAX_NAME = 64;

const DASH = 0x2d;
const DOT = 0x2e;
const UNDERSCORE = 0x5f;

const isSeparator = (code: number) => code === DASH || code === UNDERSCORE || code === DOT;
const isDigit = (code: number) => code >= 0x30 && code <= 0x39;
const isUpper = (code: number) => code >= 0x41 && code <= 0x5a;
const isLower = (code: number) => code >= 0x61 && code <= 0x7a;
const isNamePart = (code: number) => isLower(code) || isUpper(code) || isDigit(code) || isSeparator(code);

/** Finds where a name that ends at `end` begins; only the last 64 characters are looked at. */
export function nameStart(text: string, end: number): number {
  let start = end;
  while (start > 0 && end - start < MAX_NAME && isNamePart(text.charCodeAt(start - 1))) start--;
  return start;
}

/** A set of words that names are compared with, from their end. */
export class NameSet {
  /** By the code of the last letter, because most names are ruled out by it. */
  readonly #byLastLetter: (Word[] | undefined)[] = new Array(128).fill(undefined);

  constructor(words: readonly Word[]) {
    for (const entry of words) {
      const last = entry.text.charCodeAt(entry.text.length - 1);
      this.#byLastLetter[last] = [...(this.#byLastLetter[last] ?? []), entry];
    }
  }

  /** What the name in `text[start, end)` announces. */
  match(text: string, start: number, end: number): NameKind {
    const kind = this.#match(text, start, end);
    if (kind !== NO_SECRET || !isDigit(text.charCodeAt(end - 1))) return kind;
    // TOKEN_2 and password1 are numbered secrets.
    let stop = end;
    while (stop > start && (isDigit(text.charCodeAt(stop - 1)) || isSeparator(text.charCodeAt(stop - 1))))
      stop--;
    return this.#match(text, start, stop);
  }

  #match(text: string, start: number, end: number): NameKind {
    const words = this.#byLastLetter[text.charCodeAt(end - 1) | 0x20];
    if (words === undefined || start >= end) return NO_SECRET;
    for (const { text: spelling, kind, alone } of words) {
      if (endsWith(text, start, end, spelling, alone)) {
        return HARMLESS.test(text.slice(start, end)) ? NO_SECRET : kind;
      }
    }
    return NO_SECRET;
  }
}

/** Whether `text[start, end)` ends with `spelling`, whatever its case and separators. */
function endsWith(text: string, start: number, end: number, spelling: string, alone: boolean): boolean {
  let at = end - 1;
  for (let next = spelling.length - 1; next >= 0; next--, at--) {
    while (at > start && isSeparator(text.charCodeAt(at))) at--;
    if (at < start) return false;
    const code = text.charCodeAt(at);
    if ((isUpper(code) ? code | 0x20 : code) !== spelling.charCodeAt(next)) return false;
  }
  if (!alone || at < start) return true;
  const before = text.charCodeAt(at);
  const first = text.charCodeAt(at + 1);
  // -Dpass=… of Java.
  if (at === start + 1 && text.charCodeAt(start) === DASH && isUpper(before)) return true;
  return !(isLower(before) || isUpper(before) || isDigit(before)) || (isLower(before) && isUpper(first));
}

/** `API_KEY`, `ENCRYPTION_KEY`; not `KEY`, not `PUBLIC_KEY`. */
export function isCapitalKey(text: string, start: number, end: number): boolean {
  if (text.charCodeAt(end - 1) !== 0x59 /* Y */) return false;
  const name = text.slice(start, end);
  return CAPITAL_KEY.test(name) && !PUBLIC_KEY.test(name);
}

/** An option that is written without a value, though its name ends like a secret's. */
export const isSwitchName = (option: string) => SWITCH.test(option);

/** Whether a value under a name of this kind is to be masked. `script`: shell variables stand for their content. */
export function isSecretValue(value: string, kind: NameKind, script: boolean): boolean {
  if (value === '' || kind === NO_SECRET || VALUE_OF_SWITCH.test(value)) return false;
  if (kind === SECRET_UNLESS_PATH && PATH.test(value)) return false;
  if (kind === SECRET_IF_KEY && !looksLikeKey(value)) return false;
  return !(script && REFERENCE.test(value));
}

/** `$NAME`, `"${A}:${B}"`, `$(command)`: what a script puts there. `${A:-default}` may hold the secret itself. */
const REFERENCE = /^"?(?:\$(?:[A-Za-z_]\w*|[0-9@*]|\{\w+\})[:./-]?)+"?$|^"?(?:\$(?:\(|$)|`)/;

/** The words of names that a user adds: each must be a word of its own, as `pin` in --card-pin. */
export function extraWords(names: readonly string[]): Word[] {
  return names.map((name) => word(name.replace(/[-_.]/g, '').toLowerCase(), { alone: true }));
}
