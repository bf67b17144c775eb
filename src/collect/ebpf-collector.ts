// Watches the node with the kernel programs: the ring's records, merged with a snapshot at start.
import {
  type CgroupRecord,
  COUNTER_LAYOUT,
  type DecodedRecord,
  Decoder,
  type DecoderOptions,
  type ProcessSnapshot,
} from '../decode/index.ts';
import {
  attachedPrograms,
  type LoadedPrograms,
  mapOf,
  type ProgramState,
  readCounters,
  readPrograms,
  readTaskSnapshot,
  type RingMemory,
  RingReader,
  snapshotLink,
} from '../kernel/index.ts';
import { byKind } from '../lib/counted-kinds.ts';
import { boottimeNs } from '../os/index.ts';
import type { Collector, CollectorCounts, CollectorSink, CollectorStatus } from './collector.ts';
import { CgroupDirectories, findCgroupMounts } from './cgroup-directories.ts';
import { CoarseStarts } from './coarse-starts.ts';
import { HiddenProcesses } from './hidden-processes.ts';
import { checkHostProc, isInInitialPidNamespace, ownPidNamespace } from './pid-namespace.ts';
import { kernelLimits } from './kernel-limits.ts';
import { SnapshotMerge } from './snapshot-merge.ts';

export interface EbpfCollectorOptions extends DecoderOptions {
  readonly procRoot: string;
  /** Lists processes where the kernel has no task iterator. Start times are in whole clock ticks there. */
  readonly listProcesses: (deliver: (record: DecodedRecord) => void) => ProcessSnapshot[];
  /** A bug in a handler; reading goes on. */
  readonly onError: (error: unknown) => void;
}

export class EbpfCollector implements Collector {
  readonly #programs: LoadedPrograms;
  readonly #options: EbpfCollectorOptions;
  readonly #decoder: Decoder;
  readonly #reader: RingReader;
  readonly #attachedNs: bigint;
  readonly #hidden: HiddenProcesses;
  /** Null where the kernel's list is not that of the whole node. */
  readonly #listFd: number | null;
  readonly #coarse: CoarseStarts;
  /** Null where the kernel gives the names of cgroups. */
  readonly #directories: CgroupDirectories | null;
  #sink: CollectorSink | undefined;
  #merge: SnapshotMerge | undefined;
  #detached = false;
  #closed = false;

  /** Takes the programs over: `close` detaches them. */
  constructor(programs: LoadedPrograms, options: EbpfCollectorOptions) {
    this.#programs = programs;
    this.#options = options;
    this.#attachedNs = programs.attachedNs;
    this.#coarse = new CoarseStarts(programs.attachedNs);
    this.#decoder = new Decoder(options);
    this.#hidden = new HiddenProcesses(options.procRoot);
    this.#listFd = isInInitialPidNamespace(options.procRoot) ? snapshotLink(programs) : null;
    this.#directories = programs.readsKernel
      ? null
      : new CgroupDirectories(findCgroupMounts('/proc/self/mounts'), () => performance.now());
    this.#reader = new RingReader(mapOf(programs, 'ring'), programs.ringBytes, {
      record: (memory, offset, length) => this.#record(memory, offset, length),
      batchEnd: () => this.#sink?.batchEnd(),
      failed: options.onError,
    });
  }

  /** Rejects with PROC_NOT_HOST where /proc is not that of the whole node. */
  async start(sink: CollectorSink): Promise<void> {
    checkHostProc(this.#options.procRoot, this.#ownPid());
    this.#sink = sink;
    // What began later has its fork in the stream, at times after its visit: the kernel lists a child before it tells
    // of the fork (copy_process, then trace_sched_process_fork).
    const older = this.snapshot().filter(({ startNs }) => startNs < this.#attachedNs);
    this.#merge = new SnapshotMerge(older, (snapshot) => sink.record(snapshot));
    this.#reader.drainAll();
    this.#merge.finish();
    this.#merge = undefined;
    sink.batchEnd();
    this.#reader.start();
  }

  snapshot(): ProcessSnapshot[] {
    const deliver = (record: DecodedRecord) => this.#sink?.record(record);
    if (this.#listFd === null) return this.#coarse.refine(this.#options.listProcesses(deliver));
    const snapshots = this.#listTasks(this.#listFd, deliver);
    return [...snapshots, ...this.#hidden.alive(snapshots, this.#attachedNs, boottimeNs(), deliver)];
  }

  drain(): void {
    // Before the start there is nobody to give the records to: they wait in the ring.
    if (this.#sink !== undefined) this.#reader.drainAll();
  }

  /** Lets the ring fill up: for tests of overflow. */
  pause(): void {
    this.#reader.stop();
  }

  resume(): void {
    this.#reader.start();
  }

  counts(): CollectorCounts {
    const counters = readCounters(
      mapOf(this.#programs, 'counters'),
      this.#programs.possibleCpus,
      COUNTER_LAYOUT,
    );
    const { lost } = this.#decoder;
    return {
      ...byKind((kind) => {
        const { happened, lost: notSent } = counters.kinds[kind];
        return { kernel: happened, lost: notSent + lost[kind] };
      }),
      cgroupLost: counters.cgroupsLost,
    };
  }

  detach(): void {
    this.#detached = true;
    this.#programs.detach();
    this.#reader.drainAll();
    this.#reader.stop();
  }

  status(): CollectorStatus {
    const programs = attachedPrograms(this.#programs).map(({ facts }) => facts);
    return {
      kind: 'ebpf',
      programs,
      // Each once, though copies of a program may stand on it. An iterator waits for nothing.
      hooks: [...new Set(programs.map(({ hook }) => hook).filter((hook) => !hook.startsWith('iter/')))],
      ringBytes: this.#programs.ringBytes,
      ringUsedBytes: this.#reader.usedBytes,
      btf: snapshotLink(this.#programs) !== null,
      maySkip: this.#programs.preemptible,
      limits: kernelLimits(this.#programs),
      decodeErrors: this.#decoder.errors,
    };
  }

  programs(): ProgramState[] {
    return this.#detached || this.#closed ? [] : readPrograms(this.#programs, this.#options.procRoot);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#reader.close();
    this.#programs.close();
  }

  /** All tasks of the agent's own pid namespace. */
  #listTasks(linkFd: number, deliver: (record: DecodedRecord) => void): ProcessSnapshot[] {
    const { memory, length } = readTaskSnapshot(linkFd);
    const snapshots: ProcessSnapshot[] = [];
    for (const record of this.#decoder.decodeAll(memory, length)) {
      if (record.type === 'snapshot') snapshots.push(record);
      else if (record.type === 'cgroup') this.#deliverCgroup(record, deliver);
      else deliver(record);
    }
    return snapshots;
  }

  /** One whose name cannot be found is not told: its processes are looked up in /proc. */
  #deliverCgroup(record: CgroupRecord, deliver: (record: CgroupRecord) => void): void {
    if (record.parentId === null) {
      deliver(record);
      return;
    }
    const { hierarchyId, cgroupId, parentId } = record;
    const path = this.#directories?.pathOf(hierarchyId, cgroupId, parentId) ?? null;
    if (path !== null) deliver({ ...record, path, parentId: null });
  }

  /** This process's pid in the initial namespace; null when the kernel does not tell. */
  #ownPid(): number | null {
    const { procRoot } = this.#options;
    if (isInInitialPidNamespace(procRoot)) return process.pid;
    const namespace = ownPidNamespace(procRoot);
    const link = snapshotLink(this.#programs);
    if (link === null || namespace === null) return null;
    const own = this.#listTasks(link, () => {}).find(
      ({ pidNs, nsPid }) => pidNs === namespace && nsPid === process.pid,
    );
    return own?.pid ?? null;
  }

  #record(memory: RingMemory, offset: number, length: number): void {
    const record = this.#decoder.decode(memory, offset, length);
    if (record === null || this.#sink === undefined) return;
    if (record.type === 'cgroup') {
      const sink = this.#sink;
      this.#deliverCgroup(record, (named) => sink.record(named));
      return;
    }
    if (record.type === 'snapshot') {
      this.#sink.record(record);
      return;
    }
    if (this.#listFd === null) this.#coarse.apply(record);
    this.#merge?.before(record);
    this.#sink.record(record);
  }
}
