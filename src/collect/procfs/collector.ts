// Watches processes by looking at /proc again and again: for places without BPF.
//
// It sees what lives longer than the pause between two looks, and of a process that execs more often only the last
// image. What it never saw it cannot count: `kernel` in its counts is what it saw itself and `lost` is always 0, which
// is why the agent never calls a node wholly seen with it. An exit that no zombie was seen of has no status.
import type { ArgvMasker, DecodedRecord, ProcessSnapshot } from '../../decode/index.ts';
import { byKind } from '../../lib/counted-kinds.ts';
import { CognitodError } from '../../lib/errors.ts';
import type { Collector, CollectorCounts, CollectorSink, CollectorStatus } from '../collector.ts';
import { describeScope } from '../pid-namespace.ts';
import { readStatFile } from './details.ts';
import { describeHiding } from './hiding.ts';
import { snapshotOf } from './known-process.ts';
import { MountedProcFiles, type ProcFiles, pidsOf } from './proc-files.ts';
import { ProcScan } from './scan.ts';

export interface ProcfsCollectorOptions {
  readonly procRoot: string;
  /** Pause between two looks. */
  readonly intervalMs: number;
  /** CLOCK_BOOTTIME in nanoseconds. */
  readonly boottimeNs: () => bigint;
  readonly mask: ArgvMasker;
  /** How much of an argv is kept; 4096 when not given. */
  readonly argvBytes?: number;
  /** A look failed; told once until one succeeds. */
  readonly onError: (error: unknown) => void;
  /** Other files than those of `procRoot`: for tests. */
  readonly files?: ProcFiles;
}

const DEFAULT_ARGV_BYTES = 4096;

export class ProcfsCollector implements Collector {
  readonly #options: ProcfsCollectorOptions;
  readonly #files: ProcFiles;
  readonly #scan: ProcScan;
  /** What cannot be seen from here, in words. */
  readonly #unseen: readonly string[];
  #sink: CollectorSink | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failing = false;
  #failedLooks = 0;

  /** Throws PROC_UNREADABLE when `procRoot` is no procfs. */
  constructor(options: ProcfsCollectorOptions) {
    this.#options = options;
    this.#files = options.files ?? new MountedProcFiles(options.procRoot);
    checkProcfs(this.#files, options.procRoot);
    this.#scan = this.#newScan();
    const { procRoot } = options;
    this.#unseen = [describeScope(procRoot), describeHiding(procRoot)].filter((text) => text !== null);
  }

  async start(sink: CollectorSink): Promise<void> {
    this.#sink = sink;
    this.drain();
    this.#schedule();
  }

  snapshot(): ProcessSnapshot[] {
    this.drain();
    return [...this.#scan.processes].map((known) => snapshotOf(known, this.#scan.nowNs));
  }

  /**
   * For a collector of another kind that has no list of its own: all processes now, and the records of their cgroups
   * to `deliver`. Has nothing to do with the events of this collector. Throws PROC_UNREADABLE when it is not whole.
   */
  listForSnapshot(deliver: (record: DecodedRecord) => void): ProcessSnapshot[] {
    const snapshots: ProcessSnapshot[] = [];
    const scan = this.#newScan();
    scan.look(this.#listPids(), (record) => {
      if (record.type === 'snapshot') snapshots.push(record);
      else if (record.type === 'cgroup') deliver(record);
    });
    // Whoever compares with a list that lacks some takes these for gone.
    if (scan.errors.failed > 0)
      throw unreadable(
        this.#options.procRoot,
        new Error(`${scan.errors.failed} processes could not be read`),
      );
    return snapshots;
  }

  /** One look. */
  drain(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    let told = false;
    try {
      this.#scan.look(this.#listPids(), (record) => {
        told = true;
        sink.record(record);
      });
      this.#failing = false;
    } catch (error) {
      this.#failedLooks++;
      if (!this.#failing) this.#options.onError(error);
      this.#failing = true;
    }
    if (told) sink.batchEnd();
  }

  detach(): void {
    this.drain();
    this.#stop();
  }

  counts(): CollectorCounts {
    const kind = (count: number) => ({ kernel: count, lost: 0 });
    const { fork, exec, exit } = this.#scan.seen;
    return {
      ...byKind(() => kind(0)),
      fork: kind(fork),
      exec: kind(exec),
      exit: kind(exit),
      cgroupLost: 0,
    };
  }

  programs(): [] {
    return [];
  }

  status(): CollectorStatus {
    const { procRoot, intervalMs } = this.#options;
    const hooks = [`${procRoot} every ${intervalMs} ms`, ...this.#unseen];
    const { denied, errors } = this.#scan;
    if (denied > 0) hooks.push(`${denied} processes may not be read by this agent`);
    return {
      kind: 'procfs',
      programs: [],
      maySkip: false,
      limits: [],
      hooks,
      ringBytes: null,
      ringUsedBytes: null,
      btf: false,
      decodeErrors: {
        procfs_malformed: errors.malformed,
        procfs_failed: errors.failed,
        procfs_looks_failed: this.#failedLooks,
      },
    };
  }

  async close(): Promise<void> {
    this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#sink = undefined;
  }

  #listPids(): number[] {
    const pids = pidsOf(listNames(this.#files, this.#options.procRoot));
    // At least this process is always there: then the procfs is gone, not all processes.
    if (pids.length === 0) throw unreadable(this.#options.procRoot, new Error('there is no process in it'));
    return pids;
  }

  #newScan(): ProcScan {
    const { boottimeNs, mask, argvBytes = DEFAULT_ARGV_BYTES } = this.#options;
    return new ProcScan(this.#files, { boottimeNs, mask, argvBytes });
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      try {
        this.drain();
      } catch (error) {
        this.#options.onError(error);
      }
      // The sink may have closed the collector.
      if (this.#sink !== undefined) this.#schedule();
    }, this.#options.intervalMs);
  }
}

function unreadable(procRoot: string, cause: unknown): CognitodError {
  return new CognitodError('PROC_UNREADABLE', `${procRoot} cannot be read: ${(cause as Error).message}`, {
    hint: 'mount a procfs there, or set proc_root to where it is mounted, e.g. /proc or /host/proc',
    cause,
  });
}

function listNames(files: ProcFiles, procRoot: string): string[] {
  try {
    return files.names();
  } catch (cause) {
    throw unreadable(procRoot, cause);
  }
}

/** A procfs has `self`, or processes whose `stat` makes sense. */
function checkProcfs(files: ProcFiles, procRoot: string): void {
  const names = listNames(files, procRoot);
  if (names.includes('self') || pidsOf(names).some((pid) => typeof readStatFile(files, pid) !== 'number'))
    return;
  throw unreadable(procRoot, new Error('it is no procfs: there is no process in it'));
}
