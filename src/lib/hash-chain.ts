// A chain of records, each with the hash of the one before: who changes one changes all that follow.
//
// A record is the canonical JSON of its content (RFC 8785), a line each. Verification compares bytes, so that not even a
// blank can be added. What a chain cannot show by itself is that its end was cut off, or that all of it was made anew: for
// that the head, its last hash, must be known from elsewhere.
import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** What sealing adds to a record. */
export interface Link {
  /** Counts from 1. */
  readonly sequence: number;
  /** Of the record before; of the first that there ever was 64 zeros. */
  readonly previous_hash: string;
  /** SHA-256 of the canonical JSON of the record without this field, in hexadecimal. */
  readonly hash: string;
}

export type Sealed<T> = T & Link;

/** What the first record follows. */
export const NO_HASH = '0'.repeat(64);

/** Adds a record to a chain; `previous` is null for its first. */
export function seal<T extends object>(content: T, previous: Link | null): Sealed<T> {
  const linked = {
    ...content,
    sequence: (previous?.sequence ?? 0) + 1,
    previous_hash: previous?.hash ?? NO_HASH,
  };
  return { ...linked, hash: hashOf(linked) };
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
 * that are not there any more. `head`: the hash that the last record must have.
 */
export function verifyChain(text: string, head?: string): Verification {
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
    records.push(record);
    previous = record;
  }
  if (head !== undefined && records.at(-1)?.hash !== head)
    report(
      lines.length,
      'its hash is not the expected head: records are missing at the end, or all were made anew',
    );
  return { records, problems };
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
  const { hash, ...content } = record;
  if (hashOf(content) !== hash) return 'its content was changed: the hash is another';
  return record;
}

const isLink = ({ sequence, previous_hash, hash }: Partial<Link>) =>
  Number.isSafeInteger(sequence) && typeof previous_hash === 'string' && typeof hash === 'string';
