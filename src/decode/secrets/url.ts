// Finds what is secret in addresses: `scheme://user:SECRET@host`, tokens as users, webhooks.
import { isSecretValue, SECRET } from './names.ts';
import type { Ranges } from './ranges.ts';
import { Next } from './next-match.ts';
import { looksLikeKey } from './shape.ts';

/** Hosts whose path is the secret: whoever knows it may post. Group 1. */
const WEBHOOK = new RegExp(
  [
    /hooks\.slack\.com\/(?:services|workflows|triggers)\/([\w/+-]{8,256})/,
    /api\.telegram\.org\/(?:file\/)?bot(\d{3,16}:[\w-]{8,128})/,
    /(?:\w{1,16}\.)?discord(?:app)?\.com\/api\/(?:v\d{1,2}\/)?webhooks\/\d{5,24}\/([\w-]{8,256})/,
    /[\w-]{1,64}\.webhook\.office\.com\/webhookb2\/([\w@/-]{8,512})/,
  ]
    .map((shape) => shape.source)
    .join('|'),
  'dy',
);
/** In place of a password where the user is the token. */
const NO_PASSWORD = /^(?:x-oauth-basic|x-oauth-token|)$/;
/** In a script or another text; these only stand for it there. */
const WORD_END = /[\s"'`<>]/g;

/** The addresses of one text, from its start to its end. */
export class UrlSecrets {
  readonly #text: string;
  readonly #script: boolean;
  readonly #authorityEnd: Next;
  readonly #wordEnd: Next;
  readonly #at: Next;

  constructor(text: string, script: boolean) {
    this.#text = text;
    this.#script = script;
    this.#authorityEnd = new Next(/[/?#\s"'`<>]/g, text);
    this.#wordEnd = new Next(WORD_END, text);
    this.#at = new Next(/@/g, text);
  }

  /** Marks the secret of the address whose authority begins at `start`. Returns where to go on. */
  find(start: number, found: Ranges): number {
    const text = this.#text;
    WEBHOOK.lastIndex = start;
    const webhook = WEBHOOK.exec(text);
    if (webhook !== null) {
      for (const group of webhook.indices!.slice(1)) if (group !== undefined) found.add(...group);
      return WEBHOOK.lastIndex;
    }
    const end = this.#authorityEnd.from(start);
    const authority = text.slice(start, end);
    let userEnd = authority.lastIndexOf('@') + start;
    const colon = authority.indexOf(':') + start;
    if (colon < start || (colon > userEnd && userEnd >= start)) {
      if (userEnd > start && looksLikeKey(text.slice(start, userEnd))) found.add(start, userEnd);
      return Math.max(start, userEnd);
    }
    if (userEnd < start) {
      // A password with a slash in it, which is against the rules and happens: no port, and an @ follows.
      if (authority.startsWith('[') || /^\d*$/.test(text.slice(colon + 1, end))) return end - 1;
      userEnd = this.#at.from(end);
      if (userEnd >= this.#wordEnd.from(end)) return end - 1;
    }
    if (colon < userEnd) this.#findUser(start, colon, userEnd, found);
    return userEnd;
  }

  #findUser(start: number, colon: number, userEnd: number, found: Ranges): void {
    const password = this.#text.slice(colon + 1, userEnd);
    if (NO_PASSWORD.test(password)) {
      if (password !== '' || looksLikeKey(this.#text.slice(start, colon))) found.add(start, colon);
    } else if (isSecretValue(password, SECRET, this.#script)) {
      found.add(colon + 1, userEnd);
    }
  }
}
