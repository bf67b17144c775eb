// Records of the kernel programs, as bytes, to typed events.
import type { RingMemory } from '../kernel/index.ts';
import { byKind, COUNTED_KINDS, type CountedKind } from '../lib/counted-kinds.ts';
import { ArgvCache } from './argv-cache.ts';
import type { CgroupRecord, DecodedRecord, ExecEvent, PlainEvent, PlainKind } from './event.ts';
import * as L from './generated/layout.ts';
import { ExecRecord, ExitRecord, ForkRecord, PlainRecord, readU64, SnapshotRecord } from './records.ts';
import { type ArgvMasker, NOTHING_MASKED } from './secrets/secrets.ts';
import { rawText, splitArgv, TextCache } from './text.ts';

/** Why a record could not be decoded. Counted by the decoder, one metric each. */
export const DECODE_ERROR_KINDS = ['too_short', 'unknown_kind', 'bad_length'] as const;
export type DecodeErrorKind = (typeof DECODE_ERROR_KINDS)[number];

export interface DecoderOptions {
  readonly mask: ArgvMasker;
}

const COMM_BYTES = 16;
/** The kinds whose records hold nothing but the process, by their numbers. */
const PLAIN_KINDS: ReadonlyMap<number, PlainKind> = new Map(
  COUNTED_KINDS.filter(
    (kind): kind is PlainKind => kind !== 'fork' && kind !== 'exec' && kind !== 'exit',
  ).map((kind) => [L.COUNTED_RECORDS[kind], kind]),
);
/** In place of the path of an unnamed cgroup. */
const PARENT_BYTES = 8;

/**
 * Decodes records. Never throws, whatever the bytes are: a record that is not one is counted and answered with
 * null. Offsets are multiples of 8.
 */
export class Decoder {
  readonly errors: Record<DecodeErrorKind, number> = { too_short: 0, unknown_kind: 0, bad_length: 0 };
  /** Events of a known kind that could not be decoded: they are lost for the ledger. */
  readonly lost: Record<CountedKind, number> = byKind(() => 0);
  readonly #mask: ArgvMasker;
  readonly #comms = new TextCache();
  readonly #paths = new TextCache();
  readonly #argvs = new ArgvCache();

  constructor(options: DecoderOptions) {
    this.#mask = options.mask;
  }

  decode(memory: RingMemory, offset: number, length: number): DecodedRecord | null {
    if (length < L.CGROUP_SIZE) return this.#fail('too_short');
    const { words } = memory;
    const kind = words[(offset + L.FORK_HEADER_KIND) >>> 2];
    // The ring rounds nothing, but a record may not claim more than was sent.
    if (words[(offset + L.FORK_HEADER_SIZE) >>> 2]! > length) return this.#fail('bad_length');
    switch (kind) {
      case L.RECORD_FORK:
        if (length < L.FORK_SIZE) return this.#fail('too_short', 'fork');
        return new ForkRecord(memory, offset, this.#comm(memory, offset));
      case L.RECORD_EXEC:
        return length < L.EXEC_SIZE ? this.#fail('too_short', 'exec') : this.#exec(memory, offset, length);
      case L.RECORD_EXIT:
        if (length < L.EXIT_SIZE) return this.#fail('too_short', 'exit');
        return new ExitRecord(memory, offset, this.#comm(memory, offset));
      case L.RECORD_CGROUP:
        return this.#cgroup(memory, offset, length);
      case L.RECORD_SNAPSHOT:
        if (length < L.SNAPSHOT_SIZE) return this.#fail('too_short');
        return new SnapshotRecord(memory, offset, this.#comm(memory, offset));
      default:
        return this.#plain(memory, offset, length);
    }
  }

  #plain(memory: RingMemory, offset: number, length: number): PlainEvent | null {
    const kind = PLAIN_KINDS.get(memory.words[(offset + L.FORK_HEADER_KIND) >>> 2]!);
    if (kind === undefined) return this.#fail('unknown_kind');
    if (length < L.PLAIN_SIZE) return this.#fail('too_short', kind);
    return new PlainRecord(memory, offset, this.#comm(memory, offset), kind) as PlainEvent;
  }

  /** Decodes records that follow each other without a gap, as the task iterator writes them. */
  *decodeAll(memory: RingMemory, length: number): Generator<DecodedRecord> {
    for (let offset = 0; offset < length; ) {
      const size = memory.words[(offset + L.FORK_HEADER_SIZE) >>> 2]!;
      if (size < L.CGROUP_SIZE || size % 8 !== 0 || offset + size > length) {
        this.#fail('bad_length');
        return;
      }
      const record = this.decode(memory, offset, size);
      if (record !== null) yield record;
      offset += size;
    }
  }

  #fail(kind: DecodeErrorKind, type?: CountedKind): null {
    this.errors[kind]++;
    if (type !== undefined) this.lost[type]++;
    return null;
  }

  #comm(memory: RingMemory, offset: number): string {
    const { bytes } = memory;
    const start = offset + L.FORK_PROCESS_COMM;
    let end = start;
    while (end < start + COMM_BYTES && bytes[end] !== 0) end++;
    return this.#comms.get(bytes, start, end);
  }

  #exec(memory: RingMemory, offset: number, length: number): ExecEvent | null {
    const { bytes, words } = memory;
    const argvBytes = words[(offset + L.EXEC_ARGV_BYTES) >>> 2]!;
    const filenameBytes = words[(offset + L.EXEC_FILENAME_BYTES) >>> 2]!;
    const argc = words[(offset + L.EXEC_ARGC) >>> 2]!;
    const argvEnd = offset + L.EXEC_SIZE + argvBytes;
    const filenameEnd = argvEnd + filenameBytes;
    const ownNameEnd = filenameEnd + words[(offset + L.EXEC_OWN_NAME_BYTES) >>> 2]!;
    if (ownNameEnd > offset + length) return this.#fail('bad_length', 'exec');
    const executable = this.#paths.get(bytes, argvEnd, Math.max(argvEnd, filenameEnd - 1));
    const fileName = ownNameEnd === filenameEnd ? null : this.#paths.get(bytes, filenameEnd, ownNameEnd - 1);
    const file = { executable, fileName };
    const argvStart = offset + L.EXEC_SIZE;
    const comm = this.#comm(memory, offset);
    const known = this.#argvs.get(bytes, argvStart, argvEnd, argc, executable);
    if (known !== undefined) return new ExecRecord(memory, offset, comm, file, known, NOTHING_MASKED);
    const argv = splitArgv(bytes, argvStart, argvEnd, argc);
    const masking = this.#mask(argv, executable);
    if (masking === NOTHING_MASKED) this.#argvs.put(bytes, argvStart, argvEnd, argc, executable, argv);
    return new ExecRecord(memory, offset, comm, file, argv, masking);
  }

  #cgroup(memory: RingMemory, offset: number, length: number): CgroupRecord | null {
    const { bytes, words, longs } = memory;
    const start = offset + L.CGROUP_SIZE;
    const end = start + words[(offset + L.CGROUP_PATH_BYTES) >>> 2]!;
    if (end > offset + length) return this.#fail('bad_length');
    const flags = words[(offset + L.CGROUP_FLAGS) >>> 2]!;
    const unnamed = (flags & L.CGROUP_UNNAMED) !== 0;
    if (unnamed && end - start < PARENT_BYTES) return this.#fail('bad_length');
    // Names come from the leaf to the root, each with its NUL.
    let path = '';
    for (let at = unnamed ? end : start; at < end; ) {
      let nameEnd = at;
      while (nameEnd < end && bytes[nameEnd] !== 0) nameEnd++;
      path = `/${rawText(bytes, at, nameEnd)}${path}`;
      at = nameEnd + 1;
    }
    const removed = (flags & L.CGROUP_REMOVED) !== 0;
    return {
      type: 'cgroup',
      source: 'ebpf',
      ktimeNs: longs[(offset + L.CGROUP_HEADER_KTIME_NS) >>> 3]!,
      hierarchyId: words[(offset + L.CGROUP_HIERARCHY_ID) >>> 2]!,
      cgroupId: readU64(words, (offset + L.CGROUP_CGROUP_ID) >>> 2),
      removed,
      path: removed || unnamed ? '' : path === '' ? '/' : path,
      parentId: unnamed ? readU64(words, start >>> 2) : null,
      truncated: (flags & L.CGROUP_PATH_TRUNCATED) !== 0,
    };
  }
}
