// Tells from a value alone whether it looks like a key that a machine made: for names that are too weak by themselves.

const RUN = /[A-Za-z0-9]{12,256}/g;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Longer values are not keys but data. */
const MAX_KEY = 512;
const MIN_KEY = 16;
/** Changes between lower case, upper case and digits: words and dates have few, keys many. */
const MIN_CHANGES = 5;
/** Enough where the whole value is one run. */
const MIN_CHANGES_WHOLE = 2;

/**
 * A UUID, or at least 16 characters with letters and a digit in which the kind of character changes often, as in hex
 * and base64. Not a path, a version, a host or several words.
 */
export function looksLikeKey(value: string): boolean {
  if (value.length < MIN_KEY || value.length > MAX_KEY || !/\d/.test(value)) return false;
  if (UUID.test(value)) return true;
  if (!/^[A-Za-z0-9][A-Za-z0-9+/_=-]*$/.test(value)) return false;
  for (const [run] of value.matchAll(RUN)) {
    const changes = changesIn(run);
    if (changes >= MIN_CHANGES) return true;
    if (changes >= MIN_CHANGES_WHOLE && run.length >= MIN_KEY && value.length - run.length <= 2) return true;
  }
  return false;
}

const DIGIT = 1;
const UPPER = 2;
const LOWER = 3;

function kindOf(code: number): number {
  if (code <= 0x39) return DIGIT;
  return code <= 0x5a ? UPPER : LOWER;
}

function changesIn(run: string): number {
  let changes = 0;
  let kind = kindOf(run.charCodeAt(0));
  for (let at = 1; at < run.length; at++) {
    const next = kindOf(run.charCodeAt(at));
    if (next !== kind) changes++;
    kind = next;
  }
  return changes;
}
