// The file of the evidence: appended to, never rewritten but to forget what is older than the retention.
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { EvidenceContent, EvidenceRecord } from '../api/index.ts';
import { lockFile } from '../os/index.ts';
import { CognitodError } from '../lib/errors.ts';
import { type Link, lineOf, type Signer, seal, verifyChain } from '../lib/hash-chain.ts';

const FILE = 'evidence.jsonl';

/** Where sealed records go. */
export interface Chain {
  /** The file; null when they are kept in memory only. */
  readonly path: string | null;
  readonly records: readonly EvidenceRecord[];
  /** What was wrong when it was opened, in words; to be told in the next record. */
  readonly problems: readonly string[];
  /**
   * Compares what is kept with what was written, and puts it right. To be called before each `append`. Null when all is as it
   * was; else what was wrong, in words, to be told in the next record. Throws EVIDENCE_UNWRITABLE when it cannot be put right.
   */
  inspect(): string | null;
  /** Throws EVIDENCE_UNWRITABLE; the record is then not part of the chain. */
  append(content: EvidenceContent): EvidenceRecord;
  close(): void;
}

/** Keeps the last `max` records in memory. */
export class MemoryChain implements Chain {
  readonly path = null;
  readonly problems: readonly string[] = [];
  readonly #max: number;
  readonly #signer: Signer | undefined;
  #records: EvidenceRecord[] = [];

  constructor(max: number, signer?: Signer) {
    this.#max = max;
    this.#signer = signer;
  }

  get records(): readonly EvidenceRecord[] {
    return this.#records;
  }

  inspect(): null {
    return null;
  }

  append(content: EvidenceContent): EvidenceRecord {
    const record = seal(content, this.#records.at(-1) ?? null, this.#signer);
    this.#records = [...this.#records, record].slice(-this.#max);
    return record;
  }

  close(): void {}
}

/**
 * A chain in `directory`, which is made when it is not there. Throws EVIDENCE_UNWRITABLE when that cannot be, and when
 * another agent has it open. A last line that was not written to its end (the machine stopped) is put aside in a file
 * of its own and told as a problem; anything else that is wrong is told too, and the chain goes on after it.
 */
export class ChainFile implements Chain {
  readonly path: string;
  readonly problems: readonly string[];
  readonly #max: number;
  readonly #signer: Signer | undefined;
  #fd: number;
  /** What the file must have. */
  #bytes: number;
  #records: EvidenceRecord[];

  /** `openSigner` is called when the directory is there and is this agent's alone. */
  constructor(directory: string, max: number, openSigner?: () => Signer) {
    this.path = join(directory, FILE);
    this.#max = max;
    try {
      mkdirSync(directory, { recursive: true, mode: 0o750 });
      this.#fd = openSync(this.path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND, 0o640);
    } catch (cause) {
      throw unwritable(this.path, cause);
    }
    if (!lockFile(this.#fd)) {
      closeSync(this.#fd);
      throw new CognitodError('EVIDENCE_UNWRITABLE', `another agent writes the evidence in ${this.path}`, {
        hint: 'give each agent a directory of its own: evidence.directory',
      });
    }
    try {
      this.#signer = openSigner?.();
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
    try {
      syncDirectory(directory);
      const bytes = readFileSync(this.path);
      // In bytes: what was spoiled need not be UTF-8, and its text then has another length.
      const keepBytes = bytes.lastIndexOf(NEWLINE) + 1;
      const { records, problems } = verifyChain(bytes.toString('utf8', 0, keepBytes));
      // What the file holds was checked as a chain; that these are records of ours is by their making.
      this.#records = [...records] as EvidenceRecord[];
      this.#bytes = keepBytes;
      this.problems = [
        ...problems.map(({ line, problem }) => `line ${line} of ${this.path}: ${problem}`),
        ...(keepBytes === bytes.length ? [] : [this.#putAside(bytes.subarray(keepBytes), keepBytes)]),
      ];
    } catch (cause) {
      closeSync(this.#fd);
      throw unwritable(this.path, cause);
    }
  }

  get records(): readonly EvidenceRecord[] {
    return this.#records;
  }

  inspect(): string | null {
    try {
      const wrong = this.#whatIsWrong();
      if (wrong === null) return null;
      const aside = this.#replaceFile(this.#records, `replaced-${Date.now()}.jsonl`);
      const there = aside === null ? '' : `; what was there is in ${aside}`;
      return `${this.path} ${wrong} while the agent ran${there}; its ${this.#records.length} records were written anew from memory`;
    } catch (cause) {
      throw unwritable(this.path, cause);
    }
  }

  append(content: EvidenceContent): EvidenceRecord {
    const record = seal(content, this.#records.at(-1) ?? null, this.#signer);
    const line = Buffer.from(`${lineOf(record)}\n`);
    try {
      const written = writeSync(this.#fd, line);
      if (written !== line.length) throw new Error(`only ${written} of ${line.length} bytes were written`);
      fsyncSync(this.#fd);
    } catch (cause) {
      this.#takeBack();
      throw unwritable(this.path, cause);
    }
    this.#bytes += line.length;
    this.#records = [...this.#records, record];
    // The record is written, whatever becomes of the old ones: they are tried again at the next.
    if (this.#records.length > this.#max * 2) this.#forget();
    return record;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #putAside(torn: Uint8Array, keepBytes: number): string {
    const aside = join(dirname(this.path), `torn-${Date.now()}.txt`);
    writeFileSync(aside, torn, { mode: 0o640, flush: true });
    ftruncateSync(this.#fd, keepBytes);
    return `the last record was not written to its end; what there was of it is in ${aside}`;
  }

  /** A part of a line would spoil the next one. Where it cannot be cut off, `inspect` finds it. */
  #takeBack(): void {
    try {
      ftruncateSync(this.#fd, this.#bytes);
    } catch {}
  }

  /** Null when the name still leads to the file that is written, and that has what was written. */
  #whatIsWrong(): string | null {
    const there = lstatSync(this.path, { throwIfNoEntry: false });
    if (there === undefined) return 'was removed';
    const own = fstatSync(this.#fd);
    if (there.dev !== own.dev || there.ino !== own.ino) {
      if (there.isFile()) this.#refuseOther();
      return 'was replaced by another file';
    }
    if (own.size === this.#bytes) return null;
    return own.size < this.#bytes
      ? `was cut from ${this.#bytes} to ${own.size} bytes`
      : `has ${own.size - this.#bytes} bytes more than its records`;
  }

  /** Throws when an agent writes the file that is at the place of ours. */
  #refuseOther(): void {
    const fd = openSync(this.path, constants.O_RDWR | constants.O_NOFOLLOW);
    const isFree = lockFile(fd);
    closeSync(fd);
    if (!isFree) throw new Error('another agent has put its own file there');
  }

  /** Leaves the newest; all when that fails. The first that is left still has the hash of the last that goes. */
  #forget(): void {
    const kept = this.#records.slice(-this.#max);
    try {
      this.#replaceFile(kept);
    } catch {
      return;
    }
    this.#records = kept;
  }

  /**
   * A new file in the place of the one that is there, which is kept under the name `asideName` when one is given. Returns
   * where that is, null when there was none. When it throws nothing has changed.
   */
  #replaceFile(records: readonly EvidenceRecord[], asideName?: string): string | null {
    const directory = dirname(this.path);
    const next = `${this.path}.next`;
    const text = Buffer.from(records.map((record) => `${lineOf(record)}\n`).join(''));
    let aside: string | null = null;
    let fd: number | undefined;
    try {
      mkdirSync(directory, { recursive: true, mode: 0o750 });
      writeFileSync(next, text, { mode: 0o640, flush: true });
      fd = openSync(next, constants.O_RDWR | constants.O_APPEND);
      if (!lockFile(fd)) throw new Error('the new file is locked');
      if (asideName !== undefined && lstatSync(this.path, { throwIfNoEntry: false }) !== undefined) {
        aside = join(directory, asideName);
        renameSync(this.path, aside);
      }
      renameSync(next, this.path);
    } catch (cause) {
      if (fd !== undefined) closeSync(fd);
      rmSync(next, { force: true, recursive: true });
      throw cause;
    }
    closeSync(this.#fd);
    this.#fd = fd;
    this.#bytes = text.length;
    syncDirectory(directory);
    return aside;
  }
}

const NEWLINE = 10;

/** A name that was made or changed is on the disk only when its directory is. */
function syncDirectory(directory: string): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function unwritable(path: string, cause: unknown): CognitodError {
  return new CognitodError(
    'EVIDENCE_UNWRITABLE',
    `the evidence cannot be written to ${path}: ${(cause as Error).message}`,
    {
      hint: 'evidence.directory must be writable for the agent; without it records are kept in memory only',
      cause,
    },
  );
}

/** The last link, for who keeps the head elsewhere. */
export const headOf = ({ records }: Chain): Pick<Link, 'sequence' | 'hash'> | null => {
  const last = records.at(-1);
  return last === undefined ? null : { sequence: last.sequence, hash: last.hash };
};
