// A chain of records, each with the hash of the one before: who changes one changes all that follow.
//
// A record is the canonical JSON of its content (RFC 8785), a line each. Verification compares bytes, so that not even a
// blank can be added. Records can be signed (Ed25519, RFC 8032): then whoever has no key cannot make them anew. What a chain
// cannot show by itself is that its end was cut off, or that who has the key made it anew: for that a hash must be known from
// elsewhere, an anchor.
import { createHash, type KeyObject, verify } from 'node:crypto';
import canonicalize from 'canonicalize';

/** What sealing adds to a record. */
export interface Link {
  /** Counts from 1. */
  readonly sequence: number;
  /** Of the record before; of the first that there ever was 64 zeros. */
  readonly previous_hash: string;
  /** SHA-256 of the canonical JSON of the record without this field and `signature`, in hexadecimal. */
  readonly hash: string;
  /** Which key has signed it: SHA-256 of the public key (SubjectPublicKeyInfo, DER), in hexadecimal. */
  readonly signed_by?: string | undefined;
  /** Of the 64 characters of `hash`, in hexadecimal. */
  readonly signature?: string | undefined;
}

/** Who signs records. */
export interface Signer {
  readonly keyId: string;
  /** The signature of the characters of a hash, in hexadecimal. */
  sign(hash: string): string;
}

/** What a record of this number must have as its hash, known from elsewhere than the chain. */
export interface Anchor {
  readonly sequence: number;
  readonly hash: string;
}

/** What is known from elsewhere than the chain. */
export interface Known {
  /** Hash that the last record must have. */
  readonly head?: string | undefined;
  /** Public keys by their ids: every record must be signed by one of them. */
  readonly keys?: ReadonlyMap<string, KeyObject> | undefined;
  readonly anchors?: readonly Anchor[] | undefined;
}

export type Sealed<T> = T & Link;

/** SHA-256 of a public key (SubjectPublicKeyInfo, DER), in hexadecimal. */
export const keyIdOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');

/** What the first record follows. */
export const NO_HASH = '0'.repeat(64);

/** Adds a record to a chain; `previous` is null for its first. */
export function seal<T extends object>(content: T, previous: Link | null, signer?: Signer): Sealed<T> {
  const linked = {
    ...content,
    sequence: (previous?.sequence ?? 0) + 1,
    previous_hash: previous?.hash ?? NO_HASH,
    ...(signer === undefined ? {} : { signed_by: signer.keyId }),
  };
  const hash = hashOf(linked);
  return signer === undefined ? { ...linked, hash } : { ...linked, hash, signature: signer.sign(hash) };
}

/** The line of a record, without its end. Throws for what JSON has no form for. */
export function lineOf(record: object): string {
  const line = canonicalize(record);
  if (line === undefined) throw new TypeError('the record has no JSON form');
  return line;
}

const hashOf = (content: object): string => createHash('sha256').update(lineOf(content)).digest('hex');

export interface ChainProblem {
  /** Counts from 1. */
  readonly line: number;
  readonly problem: string;
}

export interface Verification {
  readonly records: readonly Link[];
  /** In the order of the lines; none when all is as it was written. */
  readonly problems: readonly ChainProblem[];
}

/**
 * Checks a chain as it was written: lines of canonical JSON, each ended by a newline. The first record may follow others
 * that are not there any more. Without keys nothing is said of signatures but that they are there where they must be.
 */
export function verifyChain(text: string, { head, keys, anchors = [] }: Known = {}): Verification {
  const lines = text.split('\n');
  const problems: ChainProblem[] = [];
  const records: Link[] = [];
  const report = (line: number, problem: string) => problems.push({ line, problem });
  if (lines.pop() !== '')
    report(lines.length + 1, 'the last line is not complete: something is missing at the end');
  let previous: Link | null = null;
  for (const [index, line] of lines.entries()) {
    const record = readRecord(line);
    if (typeof record === 'string') {
      report(index + 1, record);
      previous = null;
      continue;
    }
    if (previous !== null) {
      if (record.previous_hash !== previous.hash)
        report(index + 1, 'it does not follow the record before it');
      else if (record.sequence !== previous.sequence + 1) report(index + 1, 'its number does not follow');
    }
    if ((record.sequence === 1) !== (record.previous_hash === NO_HASH))
      report(index + 1, 'only the first record of a chain follows none');
    if (keys !== undefined) {
      const problem = signatureProblem(record, keys);
      if (problem !== null) report(index + 1, problem);
    }
    records.push(record);
    previous = record;
  }
  if (head !== undefined && records.at(-1)?.hash !== head)
    report(
      lines.length,
      'its hash is not the expected head: records are missing at the end, or all were made anew',
    );
  for (const problem of anchorProblems(anchors, records)) report(lines.length, problem);
  return { records, problems };
}

function signatureProblem(
  { hash, signed_by: id, signature }: Link,
  keys: ReadonlyMap<string, KeyObject>,
): string | null {
  if (id === undefined || signature === undefined) return 'it is not signed';
  const key = keys.get(id);
  if (key === undefined) return `it is signed by another key: ${id}`;
  return verify(null, Buffer.from(hash), key, Buffer.from(signature, 'hex'))
    ? null
    : 'its signature is wrong';
}

/**
 * A chain whose beginning was dropped must still join what is known: its first record names the hash of the one before it.
 * Without any anchor from there on nothing says that it is the same chain.
 */
function anchorProblems(anchors: readonly Anchor[], records: readonly Link[]): string[] {
  const [first, last] = [records[0], records.at(-1)];
  if (first === undefined || last === undefined)
    return anchors.map(({ sequence }) => `record ${sequence} was made, and is missing`);
  const hashes = new Map(records.map((record) => [record.sequence, record.hash]));
  hashes.set(first.sequence - 1, first.previous_hash);
  const problems = anchors.flatMap(({ sequence, hash }) => {
    if (sequence > last.sequence) return [`record ${sequence} was made, and is missing at the end`];
    // Dropped after the retention.
    if (sequence < first.sequence - 1) return [];
    return hashes.get(sequence) === hash
      ? []
      : [`record ${sequence} is not the one that was made: its hash was ${hash}`];
  });
  const joins = anchors.some(({ sequence }) => sequence >= first.sequence - 1);
  return anchors.length > 0 && !joins
    ? [
        ...problems,
        `no anchor is of these records: that of record ${first.sequence - 1}, or a later one, would be`,
      ]
    : problems;
}

/** The record, or what is wrong with its line. */
function readRecord(line: string): Link | string {
  let record: Link;
  try {
    record = JSON.parse(line);
  } catch {
    return 'it is not JSON';
  }
  if (typeof record !== 'object' || record === null || !isLink(record))
    return 'it is not a record of a chain';
  if (lineOf(record) !== line) return 'its text was changed: it is not in canonical form';
  const { hash, signature, ...content } = record;
  if ((signature === undefined) !== (record.signed_by === undefined)) return 'its signature was taken away';
  if (signature !== undefined && !SIGNATURE.test(signature)) return 'its signature is none';
  if (hashOf(content) !== hash) return 'its content was changed: the hash is another';
  return record;
}

/** One form only: another spelling of the same bytes would be a change that nobody sees. */
const SIGNATURE = /^[0-9a-f]{128}$/;

const isLink = ({ sequence, previous_hash, hash }: Partial<Link>) =>
  Number.isSafeInteger(sequence) && typeof previous_hash === 'string' && typeof hash === 'string';
