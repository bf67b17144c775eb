// The processes of the node as a page knows them, from the records of `GET /api/v1/processes/live`.
//
// A snapshot comes first, and again after a gap: what was not in it is gone. Then each process that changes, as it is, and
// each that ends. Ended processes are kept for some seconds, a bounded number of them.
import type { LiveExitJson, LiveRecordJson, ProcessJson } from '../../src/api/index.ts';
import { commandText, cut, harmless } from '../../src/lib/text.ts';
import { type Group, groupsOf } from './place.ts';

/** What does not fit in a row is on the page of the process. */
const ROW_CHARS = 400;
const ROW_ARGUMENTS = 32;
const MAX_ENDED = 2_000;

export interface Row {
  readonly id: string;
  readonly pid: number;
  readonly parentId: string | null;
  /** Harmless, short. */
  readonly command: string;
  readonly uid: number;
  readonly groups: readonly Group[];
  readonly startTime: string;
  /** Null while it runs. */
  ended: {
    readonly atMs: number;
    readonly code: number | null;
    readonly signal: string | number | null;
  } | null;
  /** Where it is searched: lower case. */
  readonly search: string;
  /** Number of the snapshot that it was last in, or changed after. */
  snapshot: number;
}

export class LiveList {
  readonly #rows = new Map<string, Row>();
  /** Oldest end first. */
  readonly #ended: Row[] = [];
  readonly #now: () => number;
  #snapshot = 0;
  #inSnapshot = false;
  #complete = false;
  #changes = 0;
  #shortLived = 0;

  /** `now` in milliseconds; it never goes back. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Raised by every change. */
  get changes(): number {
    return this.#changes;
  }

  /** A whole snapshot was there. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Processes that came and went without a row. */
  get shortLived(): number {
    return this.#shortLived;
  }

  rows(): IterableIterator<Row> {
    return this.#rows.values();
  }

  apply(record: LiveRecordJson): void {
    this.#changes++;
    switch (record.type) {
      case 'snapshot':
        if (!this.#inSnapshot) this.#snapshot++;
        this.#inSnapshot = true;
        this.#put(record.process);
        break;
      case 'snapshot-end':
        // Of a node, or through a filter, without any process.
        if (!this.#inSnapshot) this.#snapshot++;
        this.#inSnapshot = false;
        this.#complete = true;
        for (const row of this.#rows.values())
          if (row.snapshot < this.#snapshot && row.ended === null) this.#rows.delete(row.id);
        break;
      case 'process':
        this.#put(record.process);
        break;
      case 'exit':
        this.#end(record);
        break;
      case 'leave':
        this.#rows.delete(record.process_id);
        break;
      case 'short-lived':
        this.#shortLived += record.count;
        break;
      case 'gap':
      case 'ready':
        this.#inSnapshot = false;
    }
  }

  /** Forgets what ended longer ago. */
  forgetEnded(olderThanMs: number): void {
    const limit = this.#now() - olderThanMs;
    let count = 0;
    while (count < this.#ended.length && this.#ended[count]!.ended!.atMs <= limit) count++;
    this.#forget(count);
  }

  #put(process: ProcessJson): void {
    this.#rows.set(process.process_id, rowOf(process, this.#snapshot));
  }

  #end(record: LiveExitJson): void {
    const row = this.#rows.get(record.process_id);
    if (row === undefined || row.ended !== null) return;
    const signal = record.exit_signal_name ?? record.exit_signal;
    row.ended = { atMs: this.#now(), code: record.exit_code, signal };
    this.#ended.push(row);
    if (this.#ended.length > MAX_ENDED) this.#forget(this.#ended.length - MAX_ENDED / 2);
  }

  #forget(count: number): void {
    if (count === 0) return;
    for (const row of this.#ended.splice(0, count)) {
      // Not one that was sent anew since.
      if (this.#rows.get(row.id) === row) this.#rows.delete(row.id);
    }
    this.#changes++;
  }
}

function rowOf(process: ProcessJson, snapshot: number): Row {
  const groups = groupsOf(process);
  const command = shortCommand(process);
  const { pid, uid } = process;
  const names = groups.map(({ name }) => name);
  return {
    id: process.process_id,
    pid,
    parentId: process.parent_process_id,
    command,
    uid,
    groups,
    startTime: process.start_time,
    ended: null,
    search: [command, process.comm, process.executable ?? '', pid, uid, ...names].join('\n').toLowerCase(),
    snapshot,
  };
}

/** The command line for a row: harmless, and cut before the work of quoting a large one. */
export function shortCommand({
  argv,
  comm,
  kernel_thread,
}: Pick<ProcessJson, 'argv' | 'comm' | 'kernel_thread'>): string {
  if (kernel_thread) return `[${harmless(comm)}]`;
  if (argv === null || argv.length === 0) return harmless(comm);
  const few = argv.slice(0, ROW_ARGUMENTS).map((argument) => argument.slice(0, ROW_CHARS));
  const text = commandText(few);
  return argv.length > few.length ? cut(`${text} …`, ROW_CHARS) : cut(text, ROW_CHARS);
}
