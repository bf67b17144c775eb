// CPU time and memory of live processes, read from procfs when somebody asks: an agent nobody asks pays nothing.
import { PAGE_BYTES } from '../../os/index.ts';
import { GONE, MountedProcFiles, type ProcFiles } from '../procfs/proc-files.ts';
import { CLOCK_TICK_NS, parseStat } from '../procfs/stat.ts';

/** A process as the reader knows it; the readings are kept as long as the object lives. */
export interface Readable {
  readonly pid: number;
  /** CLOCK_BOOTTIME in nanoseconds. */
  readonly startNs: bigint;
  readonly state: string;
}

/** One reading of one process. */
export interface Usage {
  /** User and system time of all its threads since it began, a multiple of 10 ms. */
  readonly cpuNs: number;
  readonly rssBytes: number;
  /** Percent of one core between the two last readings; null until there are two. */
  readonly cpuPercent: number | null;
}

export interface UsageReaderOptions {
  readonly procRoot: string;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Younger readings are answered again, so that many askers cost one reading. */
  readonly minAgeMs?: number;
  readonly files?: Pick<ProcFiles, 'read' | 'bytes'>;
}

interface Reading extends Usage {
  readonly atMs: number;
}

/** The ring must be read in between: 10,000 processes take some 200 ms. */
const PER_SLICE = 64;
const MIN_AGE_MS = 1000;

export class UsageReader {
  readonly #files: Pick<ProcFiles, 'read' | 'bytes'>;
  readonly #nowMs: () => number;
  readonly #minAgeMs: number;
  readonly #readings = new WeakMap<Readable, Reading>();
  #unreadable = 0;

  constructor(options: UsageReaderOptions) {
    this.#files = options.files ?? new MountedProcFiles(options.procRoot);
    this.#nowMs = options.nowMs;
    this.#minAgeMs = options.minAgeMs ?? MIN_AGE_MS;
  }

  /** How often a live process could not be read so far, other than because it had just ended. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Brings the readings of these processes up to date, a few at a time. */
  async refresh(processes: Iterable<Readable>): Promise<void> {
    let read = 0;
    // A copy, because the table changes while this waits.
    for (const process of [...processes]) {
      if (!this.#isDue(process)) continue;
      this.#read(process);
      if (++read % PER_SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The last reading; null when there is none. */
  of(process: Readable): Usage | null {
    return this.#readings.get(process) ?? null;
  }

  #isDue(process: Readable): boolean {
    if (process.state !== 'running') return false;
    const last = this.#readings.get(process);
    return last === undefined || this.#nowMs() - last.atMs >= this.#minAgeMs;
  }

  #read(process: Readable): void {
    const length = this.#files.read(process.pid, 'stat');
    const stat = length < 0 ? null : parseStat(this.#files.bytes, length);
    if (stat === null) {
      if (length !== GONE) this.#unreadable++;
      return;
    }
    // Another process has the pid by now, and the end of this one is still in the ring.
    if (stat.startNs !== process.startNs - (process.startNs % CLOCK_TICK_NS)) return;
    const atMs = this.#nowMs();
    const before = this.#readings.get(process);
    const cpuPercent =
      before === undefined ? null : Math.max(0, (stat.cpuNs - before.cpuNs) / (atMs - before.atMs) / 1e4);
    this.#readings.set(process, {
      cpuNs: stat.cpuNs,
      rssBytes: stat.rssPages * PAGE_BYTES,
      cpuPercent,
      atMs,
    });
  }
}
