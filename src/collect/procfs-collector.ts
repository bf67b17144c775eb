// Watches the node by looking at /proc again and again: for places without BPF.
//
// Sees what lives longer than the pause between two looks. What it never saw it cannot count: `kernel` in its
// counts is what it saw itself, and the agent says that the node is not wholly seen.
import { statSync } from 'node:fs';
import type {
  ArgvMasker,
  DecodedRecord,
  ExecEvent,
  ExitEvent,
  ForkEvent,
  ProcessSnapshot,
} from '../decode/index.ts';
import { CognitodError } from '../lib/errors.ts';
import type { Collector, CollectorCounts, CollectorSink, CollectorStatus } from './collector.ts';
import { listPids, ProcCgroups, type ProcStat, readSnapshot, readStat } from './proc-reader.ts';

export interface ProcfsCollectorOptions {
  readonly procRoot: string;
  readonly intervalMs: number;
  /** CLOCK_BOOTTIME in nanoseconds. */
  readonly boottimeNs: () => bigint;
  readonly mask: ArgvMasker;
  /** A look failed; the next is taken all the same. */
  readonly onError: (error: unknown) => void;
}

interface Known {
  stat: ProcStat;
  snapshot: ProcessSnapshot;
  /** Number of the scan that saw it last. */
  seenIn: number;
}

export class ProcfsCollector implements Collector {
  readonly #options: ProcfsCollectorOptions;
  readonly #known = new Map<number, Known>();
  readonly #cgroups = new ProcCgroups();
  readonly #seen = { fork: 0, exec: 0, exit: 0 };
  #sink: CollectorSink | undefined;
  #timer: NodeJS.Timeout | undefined;
  #scan = 0;

  /** Throws PROC_UNREADABLE when `procRoot` is no procfs. */
  constructor(options: ProcfsCollectorOptions) {
    this.#options = options;
    try {
      statSync(`${options.procRoot}/self/stat`);
    } catch (cause) {
      throw new CognitodError('PROC_UNREADABLE', `${options.procRoot} is not a mounted procfs`, {
        hint: 'proc_root names it, e.g. /proc or /host/proc',
        cause,
      });
    }
  }

  async start(sink: CollectorSink): Promise<void> {
    this.#sink = sink;
    for (const snapshot of this.#look((record) => sink.record(record), true)) sink.record(snapshot);
    sink.batchEnd();
    this.#schedule();
  }

  snapshot(): ProcessSnapshot[] {
    this.drain();
    return [...this.#known.values()].map((known) => known.snapshot);
  }

  /** For a collector of another kind that has no list of its own: all processes now, cgroups to `deliver`. */
  listForSnapshot(deliver: (record: DecodedRecord) => void): ProcessSnapshot[] {
    this.#known.clear();
    return this.#look(deliver, true);
  }

  drain(): void {
    const sink = this.#sink;
    if (sink === undefined) return;
    this.#look((record) => sink.record(record), false);
    sink.batchEnd();
  }

  detach(): void {
    this.drain();
    clearTimeout(this.#timer);
    this.#sink = undefined;
  }

  counts(): CollectorCounts {
    const kind = (count: number) => ({ kernel: count, lost: 0 });
    const { fork, exec, exit } = this.#seen;
    return { fork: kind(fork), exec: kind(exec), exit: kind(exit), cgroupLost: 0 };
  }

  status(): CollectorStatus {
    return {
      kind: 'procfs',
      hooks: [`${this.#options.procRoot} every ${this.#options.intervalMs} ms`],
      ringBytes: null,
      ringUsedBytes: null,
      btf: false,
      decodeErrors: {},
    };
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#sink = undefined;
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      try {
        this.drain();
      } catch (error) {
        this.#options.onError(error);
      }
      if (this.#sink !== undefined) this.#schedule();
    }, this.#options.intervalMs);
  }

  /** One look at all processes. New ones are returned when it is the `first` look, and told as forks else. */
  #look(deliver: (record: DecodedRecord) => void, first: boolean): ProcessSnapshot[] {
    const { procRoot, boottimeNs } = this.#options;
    const scan = ++this.#scan;
    const fresh: ProcessSnapshot[] = [];
    // Parents have mostly lower pids: they are known before their children ask for them.
    for (const pid of listPids(procRoot)) {
      const stat = readStat(procRoot, pid);
      // A zombie has exited: the loop below tells it.
      if (stat === null || stat.dead) {
        if (stat !== null) this.#rememberStatus(pid, stat);
        continue;
      }
      let known = this.#known.get(pid);
      if (known !== undefined && known.stat.startNs !== stat.startNs) {
        this.#exited(known, deliver);
        known = undefined;
      }
      if (known !== undefined) {
        known.seenIn = scan;
        // The address of the arguments moves with every exec (the stack's base is random); hidden, only a changed
        // name tells.
        if (known.stat.argStart !== stat.argStart || known.stat.comm !== stat.comm)
          this.#execed(known, stat, deliver);
        continue;
      }
      const snapshot = this.#read(pid, stat, boottimeNs(), deliver);
      if (snapshot === null) continue;
      this.#known.set(pid, { stat, snapshot, seenIn: scan });
      if (first) fresh.push(snapshot);
      else this.#forked(snapshot, deliver);
    }
    for (const known of this.#known.values()) {
      if (known.seenIn !== scan) this.#exited(known, deliver);
    }
    return fresh;
  }

  #read(
    pid: number,
    stat: ProcStat,
    ktimeNs: bigint,
    deliver: (record: DecodedRecord) => void,
  ): ProcessSnapshot | null {
    const { procRoot, mask } = this.#options;
    const parentStartNs =
      this.#known.get(stat.parentPid)?.stat.startNs ?? readStat(procRoot, stat.parentPid)?.startNs;
    const snapshot = readSnapshot(procRoot, pid, stat, parentStartNs ?? 0n, ktimeNs, this.#cgroups, deliver);
    if (snapshot === null || snapshot.argv === null) return snapshot;
    const argv = [...snapshot.argv];
    mask(argv, snapshot.executable ?? argv[0] ?? '');
    return { ...snapshot, argv };
  }

  /** A process that was seen for the first time: its fork and, since its arguments are its own, its exec. */
  #forked(snapshot: ProcessSnapshot, deliver: (record: DecodedRecord) => void): void {
    const parent = this.#known.get(snapshot.parentPid)?.snapshot;
    const fork: ForkEvent = {
      ...snapshot,
      type: 'fork',
      comm: parent?.comm ?? snapshot.comm,
      forkerPid: snapshot.parentPid,
      forkerStartNs: snapshot.parentStartNs,
    };
    this.#seen.fork++;
    deliver(fork);
    const inherited = parent !== undefined && sameImage(parent, snapshot);
    if (!snapshot.kernelThread && !inherited) this.#tellExec(snapshot, deliver);
  }

  #execed(known: Known, stat: ProcStat, deliver: (record: DecodedRecord) => void): void {
    const snapshot = this.#read(known.snapshot.pid, stat, this.#options.boottimeNs(), deliver);
    if (snapshot === null) return;
    const renamed = sameImage(known.snapshot, snapshot) && known.stat.argStart === stat.argStart;
    known.stat = stat;
    known.snapshot = snapshot;
    if (!renamed) this.#tellExec(snapshot, deliver);
  }

  #tellExec(snapshot: ProcessSnapshot, deliver: (record: DecodedRecord) => void): void {
    const argv = snapshot.argv ?? [];
    const exec: ExecEvent = {
      ...snapshot,
      type: 'exec',
      executable: snapshot.executable ?? argv[0] ?? snapshot.comm,
      argv,
      argc: argv.length,
      argvTruncated: false,
      argvUnreadable: snapshot.argv === null,
      argvMasked: 0,
      inode: 0,
      device: 0,
      memfd: false,
      deleted: snapshot.executable?.endsWith(' (deleted)') ?? false,
      upperLayer: null,
      callerTid: 0,
    };
    this.#seen.exec++;
    deliver(exec);
  }

  #rememberStatus(pid: number, stat: ProcStat): void {
    const known = this.#known.get(pid);
    if (known?.stat.startNs === stat.startNs) known.stat = stat;
  }

  /** The status is known only of a zombie, and only where the kernel shows it. */
  #exited(known: Known, deliver: (record: DecodedRecord) => void): void {
    const { snapshot, stat } = known;
    this.#known.delete(snapshot.pid);
    const shown = stat.dead && stat.status !== 0;
    const signal = stat.status & 0x7f;
    const exit: ExitEvent = {
      ...snapshot,
      type: 'exit',
      ktimeNs: this.#options.boottimeNs(),
      exitCode: shown && signal === 0 ? (stat.status >> 8) & 0xff : null,
      exitSignal: shown && signal !== 0 ? signal : null,
      coreDumped: shown && (stat.status & 0x80) !== 0,
      cpuNs: 0,
      maxRssBytes: 0,
      minorFaults: 0,
      majorFaults: 0,
    };
    this.#seen.exit++;
    deliver(exit);
  }
}

const sameImage = (a: ProcessSnapshot, b: ProcessSnapshot) =>
  a.executable === b.executable && a.argv?.join('\0') === b.argv?.join('\0');
