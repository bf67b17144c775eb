// The live state of the node: every running process and, for a while, those that exited.
//
// One writer: events are applied in the order in which they happened to a process. A process is (pid, start);
// a pid alone finds only the one that is alive. The parent of a process is who started it, and stays that when
// the parent exits and the kernel hands the child to another.
//
// Memory has a hard budget. What goes first when it is reached, each with a counter in the ledger: exited
// processes (oldest first), then earlier images, then new live processes are not kept at all.
import type {
  EventBase,
  ExecEvent,
  ExitEvent,
  ProcessEvent,
  PlainEvent,
  ProcessMove,
  ProcessSnapshot,
} from '../decode/index.ts';
import type { Identity, Metadata } from '../identity/index.ts';
import type { AppliedEvent } from './applied-event.ts';
import { CapabilityTexts } from './capability-texts.ts';
import { ExecNumbers } from './exec-numbers.ts';
import { ExitedStore } from './exited-store.ts';
import { imageBytes, PROCESS_BYTES } from './footprint.ts';
import type { MetadataLookup } from './late-binding.ts';
import { Ledger } from './ledger.ts';
import type { Birth, Image, Process, ProcessView } from './process.ts';
import { formatProcessId, parseProcessId } from './process-id.ts';
import type { ModelView } from './view.ts';
import { type ClockReader, WallClock } from './wall-clock.ts';

export interface ProcessTableOptions {
  readonly bootId: string;
  readonly clocks: ClockReader;
  /** How long exited processes stay. */
  readonly retentionSeconds: number;
  readonly maxExited: number;
  readonly maxLive: number;
  /** Budget of the whole table, by the estimates of footprint.ts. */
  readonly memoryBytes: number;
  /** Names pods and containers. Left out: nobody does. */
  readonly metadata?: Pick<MetadataLookup, 'lookup'>;
}

/** Earlier images kept per process. */
const MAX_EARLIER_IMAGES = 32;
/** Passes of healing in which a process must be missing before it is closed. */
const MISSING_PASSES = 2;

export class ProcessTable implements ModelView {
  readonly bootId: string;
  readonly ledger = new Ledger();
  readonly #options: ProcessTableOptions;
  readonly #retentionNs: bigint;
  readonly #clock: WallClock;
  readonly #running = new Map<number, Process>();
  readonly #exited = new ExitedStore();
  readonly #capabilities = new CapabilityTexts();
  /** Processes that were missing in the last healing pass. */
  #missing = new Map<Process, number>();
  readonly #execNumbers = new ExecNumbers(this.ledger);
  /** Live processes whose parent has not been told of yet, by its pid. */
  readonly #orphans = new Map<number, Set<Process>>();
  /** Processes that began before this were there before the agent. */
  readonly #bornBeforeNs: bigint;
  #bytes = 0;
  /** Earlier images of all processes. */
  #earlierImages = 0;
  #serial = 0;

  constructor(options: ProcessTableOptions) {
    this.#options = options;
    this.bootId = options.bootId;
    this.#retentionNs = BigInt(Math.round(options.retentionSeconds * 1000)) * 1_000_000n;
    this.#clock = new WallClock(options.clocks);
    this.#bornBeforeNs = options.clocks.boottimeNs();
  }

  /** Takes an event in. The answer holds what was known at that moment. */
  apply(event: ProcessEvent, identity: Identity): AppliedEvent {
    this.ledger.countEvent(event.type, identity);
    const process = this.#processOf(event, identity);
    if (event.type === 'fork') {
      const image = process?.image ?? imageOf(event);
      return { seq: 0, event, identity, process, image, execSeq: process?.execSeq ?? 0, metadata: null };
    }
    if (process !== null) {
      const isLive = this.#isLive(process, event);
      process.identity = identity;
      this.#takeCredentials(process, event);
      this.#execNumbers.note(process, event);
      if (event.type === 'exec') this.#startImage(process, event);
      else this.#close(process, event);
      if (!isLive) this.#exited.replace(process);
    }
    const image = process?.image ?? (event.type === 'exec' ? execImage(event) : imageOf(event));
    return { seq: 0, event, identity, process, image, execSeq: process?.execSeq ?? 0, metadata: null };
  }

  /** Takes note of what changes nothing in the table. */
  count(record: PlainEvent): void {
    this.ledger.decoded[record.type]++;
  }

  /** A process is in another cgroup from now on. */
  move(record: ProcessMove, identity: Identity): void {
    this.count(record);
    const process = this.#processOf(record, identity);
    if (process === null) return;
    const isLive = this.#isLive(process, record);
    process.identity = identity;
    this.#takeCredentials(process, record);
    if (!isLive) this.#exited.replace(process);
  }

  /** Adds a process that was there before the agent. Nothing happens when it is known. */
  adopt(snapshot: ProcessSnapshot, identity: Identity): void {
    if (this.#find(snapshot) !== undefined) return;
    this.#admit(snapshot, identity, this.#birthOf(snapshot), imageOf(snapshot));
  }

  /** Fills in what could only be read from /proc, for a process whose image was there before the agent. */
  enrich(
    pid: number,
    startNs: bigint,
    facts: { executable: string | null; argv: string[] | null; argvTruncated?: boolean },
  ): void {
    const process = this.#running.get(pid);
    if (process?.startNs !== startNs || process.image.source !== 'snapshot') return;
    // In place, so that children forked meanwhile, which share it, learn of it too.
    const image = process.image as { -readonly [K in keyof Image]: Image[K] };
    const before = imageBytes(image);
    image.executable ??= facts.executable;
    if (image.argv === null) image.argvTruncated = facts.argvTruncated ?? false;
    image.argv ??= facts.argv;
    this.#account(process, imageBytes(image) - before);
  }

  /**
   * Compares the table with all processes that the kernel has. Must be called right after everything that
   * happened before the end of the snapshot was applied. `takenNs` is the time before the snapshot began; `identify`
   * is given what is known of the process until now.
   */
  heal(
    snapshots: readonly ProcessSnapshot[],
    takenNs: bigint,
    identify: (facts: EventBase, known: Identity | null) => Identity,
  ): void {
    const alive = new Map<Process, ProcessSnapshot>();
    for (const snapshot of snapshots) {
      const known = this.#find(snapshot);
      if (known === undefined)
        this.#admit(snapshot, identify(snapshot, null), this.#birthOf(snapshot), imageOf(snapshot));
      else if (this.#isLive(known, snapshot)) {
        alive.set(known, snapshot);
        known.identity = identify(snapshot, known.identity);
        // An exec since then has told newer ones.
        if (snapshot.ktimeNs >= (known.image.sinceKtimeNs ?? 0n)) this.#takeCredentials(known, snapshot);
        if (known.image.comm !== snapshot.comm) known.image = { ...known.image, comm: snapshot.comm };
      }
    }
    this.#execNumbers.compare(alive);
    const missing = new Map<Process, number>();
    for (const process of this.#running.values()) {
      if (process.startNs >= takenNs || alive.has(process)) continue;
      // Between a process's last breath and the record of it the snapshot no longer has it: wait one pass more.
      const passes = (this.#missing.get(process) ?? 0) + 1;
      if (passes < MISSING_PASSES) missing.set(process, passes);
      else this.#closeUnseen(process, takenNs);
    }
    this.#missing = missing;
  }

  /** Forgets exited processes whose retention is over; follows steps of the wall clock. */
  expire(nowNs: bigint): void {
    this.#clock.adjust();
    for (let exitNs = this.#exited.oldestExitNs; exitNs !== undefined; exitNs = this.#exited.oldestExitNs) {
      if (exitNs + this.#retentionNs > nowNs) break;
      this.#forgetOldestExited();
    }
  }

  get runningCount(): number {
    return this.#running.size;
  }

  get exitedCount(): number {
    return this.#exited.size;
  }

  get containerCount(): number {
    const ids = new Set<string>();
    for (const process of this.#running.values()) {
      const { containerId, provenance } = process.identity;
      if (containerId !== null && provenance !== 'claimed') ids.add(containerId);
    }
    return ids.size;
  }

  get estimatedBytes(): number {
    return this.#bytes;
  }

  byPid(pid: number): Process | undefined {
    return this.#running.get(pid);
  }

  byIdentity(pid: number, startNs: bigint): Process | undefined {
    const live = this.#running.get(pid);
    return live?.startNs === startNs ? live : this.#exited.find(pid, startNs);
  }

  byProcessId(id: string): Process | undefined {
    const key = parseProcessId(this.bootId, id);
    return key === null ? undefined : this.byIdentity(key.pid, key.startNs);
  }

  running(): IterableIterator<Process> {
    return this.#running.values();
  }

  exited(): IterableIterator<Process> {
    return this.#exited[Symbol.iterator]();
  }

  parentOf(process: ProcessView): Process | undefined {
    return process.parentPid === 0 ? undefined : this.byIdentity(process.parentPid, process.parentStartNs);
  }

  processIdOf(process: ProcessView): string {
    return formatProcessId(this.bootId, process.pid, process.startNs);
  }

  metadataOf(process: Pick<Process, 'identity'>): Metadata | null {
    return this.#options.metadata?.lookup(process.identity) ?? null;
  }

  ktimeOf(realtimeNs: bigint): bigint {
    return this.#clock.ktimeOf(realtimeNs);
  }

  timeOf(ktimeNs: bigint): string {
    return this.#clock.format(ktimeNs);
  }

  #find(facts: EventBase): Process | undefined {
    return this.byIdentity(facts.pid, facts.startNs);
  }

  #birthOf(facts: EventBase): Birth {
    return facts.startNs < this.#bornBeforeNs ? 'snapshot' : 'fork_unseen';
  }

  /** The process of an event or a move; made when it is new. Null when the table has no room for it. */
  #processOf(event: ProcessEvent | ProcessMove, identity: Identity): Process | null {
    const live = this.#running.get(event.pid);
    if (live?.startNs === event.startNs) return live;
    if (event.type !== 'fork') {
      // An exit after the process was closed as unseen.
      const closed = this.#exited.find(event.pid, event.startNs);
      if (closed !== undefined) return closed;
      return this.#admit(event, identity, this.#birthOf(event), imageOf(event));
    }
    const forker = this.byIdentity(event.forkerPid, event.forkerStartNs);
    return this.#admit(event, identity, 'fork', forker?.image ?? imageOf(event));
  }

  #admit(facts: EventBase, identity: Identity, birth: Birth, image: Image): Process | null {
    const predecessor = this.#running.get(facts.pid);
    if (predecessor !== undefined) {
      // Two lives of a pid: the exit of the older one was lost. An older life that turns up late is not kept.
      if (predecessor.startNs > facts.startNs) return null;
      this.#closeUnseen(predecessor, facts.ktimeNs);
    }
    if (birth === 'fork_unseen') this.ledger.forkUnseen++;
    const bytes = PROCESS_BYTES + (birth === 'fork' ? 0 : imageBytes(image));
    if (this.#running.size >= this.#options.maxLive || !this.#makeRoom(bytes)) {
      this.ledger.droppedLive++;
      return null;
    }
    const process: Process = {
      serial: ++this.#serial,
      pid: facts.pid,
      startNs: facts.startNs,
      kernelThread: facts.kernelThread,
      nsPid: facts.nsPid,
      pidNs: facts.pidNs,
      birth,
      state: 'running',
      parentPid: facts.parentPid,
      parentStartNs: facts.parentStartNs,
      uid: facts.uid,
      gid: facts.gid,
      euid: facts.euid,
      capEffective: this.#capabilities.of(facts.capEffective),
      execId: facts.execId,
      identity,
      image,
      earlierImages: null,
      execSeq: 0,
      children: null,
      exitKtimeNs: null,
      exit: null,
      bytes: 0,
    };
    this.#account(process, bytes);
    this.#enter(process);
    return process;
  }

  /**
   * Whether a process runs, as far as is known with what is told of it now. One that was closed as unseen and shows a
   * later sign of life is taken back among those that run, when there is room and no newer life has its pid.
   */
  #isLive(process: Process, sign: EventBase & { readonly type: string }): boolean {
    if (process.state === 'running') return true;
    const isAlive = sign.type !== 'exit' && sign.ktimeNs > process.exitKtimeNs!;
    if (process.state !== 'exit_unseen' || !isAlive || this.#running.has(process.pid)) return false;
    if (this.#running.size >= this.#options.maxLive) return false;
    this.#exited.remove(process.pid, process.startNs);
    process.state = 'running';
    process.exitKtimeNs = null;
    process.execId = sign.execId;
    this.ledger.reopened++;
    this.ledger.exitsMissing--;
    this.#enter(process);
    return true;
  }

  /** Puts a process among those that run, between its parent and its children. */
  #enter(process: Process): void {
    this.#running.set(process.pid, process);
    const parent = this.parentOf(process);
    if (parent !== undefined) this.#link(parent, process);
    else if (process.parentPid !== 0) this.#awaitParent(process);
    const children = this.#orphans.get(process.pid);
    if (children !== undefined) {
      for (const child of [...children]) {
        if (child.parentStartNs !== process.startNs) continue;
        this.#link(process, child);
        this.#forgetOrphan(child);
      }
    }
  }

  #takeCredentials(process: Process, facts: EventBase): void {
    process.uid = facts.uid;
    process.gid = facts.gid;
    process.euid = facts.euid;
    process.capEffective = this.#capabilities.of(facts.capEffective);
  }

  #link(parent: Process, child: Process): void {
    const isFirst = parent.children === null;
    parent.children ??= new Set();
    parent.children.add(child);
    // A process that began before its parent's exit, but is told of after it.
    if (isFirst && parent.state !== 'running') this.#exited.replace(parent);
  }

  /** A list of processes is in the order of pids, and after these have begun anew a child can come before its parent. */
  #awaitParent(process: Process): void {
    const siblings = this.#orphans.get(process.parentPid);
    if (siblings === undefined) this.#orphans.set(process.parentPid, new Set([process]));
    else siblings.add(process);
  }

  #forgetOrphan(process: Process): void {
    const siblings = this.#orphans.get(process.parentPid);
    if (siblings?.delete(process) === true && siblings.size === 0) this.#orphans.delete(process.parentPid);
  }

  #startImage(process: Process, event: ExecEvent): void {
    const image = execImage(event);
    const size = imageBytes(image);
    process.execSeq++;
    if (this.#makeRoom(size)) {
      // Most processes exec once: a literal of one takes a tenth of the memory of an array that was pushed to.
      if (process.earlierImages === null) process.earlierImages = [process.image];
      else process.earlierImages.push(process.image);
      this.#earlierImages++;
      if (process.earlierImages.length > MAX_EARLIER_IMAGES) this.#forgetImage(process);
    } else {
      this.ledger.droppedImages++;
      this.#account(process, -imageBytes(process.image));
      this.#forgetEarlierImages();
    }
    process.image = image;
    this.#account(process, size);
  }

  #close(process: Process, event: ExitEvent): void {
    process.exit = {
      exitCode: event.exitCode,
      exitSignal: event.exitSignal,
      coreDumped: event.coreDumped,
      cpuNs: event.cpuNs,
      maxRssBytes: event.maxRssBytes,
      minorFaults: event.minorFaults,
      majorFaults: event.majorFaults,
    };
    if (process.state === 'running') {
      this.#retire(process, 'exited', event.ktimeNs);
      return;
    }
    if (process.state === 'exit_unseen') this.ledger.exitsMissing--;
    process.state = 'exited';
  }

  #closeUnseen(process: Process, ktimeNs: bigint): void {
    this.ledger.exitUnseen++;
    this.ledger.exitsMissing++;
    this.#retire(process, 'exit_unseen', ktimeNs);
  }

  #retire(process: Process, state: 'exited' | 'exit_unseen', ktimeNs: bigint): void {
    process.state = state;
    process.exitKtimeNs = ktimeNs;
    if (this.#running.get(process.pid) === process) this.#running.delete(process.pid);
    this.parentOf(process)?.children?.delete(process);
    if (this.#orphans.size > 0) this.#forgetOrphan(process);
    this.#exited.push(process);
    if (this.#exited.size > this.#options.maxExited) {
      this.#forgetOldestExited();
      this.ledger.droppedExited++;
    }
  }

  #forgetOldestExited(): void {
    this.#bytes -= this.#exited.oldestBytes;
    this.#earlierImages -= this.#exited.oldestEarlierImages;
    this.#exited.dropOldest();
  }

  /** Bytes of an image that was inherited at the fork are its first owner's, so an account may end at zero. */
  #account(process: Process, bytes: number): void {
    const change = Math.max(bytes, -process.bytes);
    process.bytes += change;
    this.#bytes += change;
  }

  /** True when the budget has room for so many bytes more, if need be after forgetting exited processes. */
  #makeRoom(bytes: number): boolean {
    while (this.#bytes + bytes > this.#options.memoryBytes && this.#exited.size > 0) {
      this.#forgetOldestExited();
      this.ledger.droppedExited++;
    }
    return this.#bytes + bytes <= this.#options.memoryBytes;
  }

  #forgetImage(process: Process): void {
    this.#account(process, -imageBytes(process.earlierImages!.shift()!));
    this.#earlierImages--;
    this.ledger.droppedImages++;
  }

  /** While the budget is used up no earlier images are kept, so this walks the table once only. */
  #forgetEarlierImages(): void {
    if (this.#earlierImages === 0) return;
    for (const process of this.#running.values()) {
      while (process.earlierImages !== null && process.earlierImages.length > 0) this.#forgetImage(process);
      process.earlierImages = null;
    }
  }
}

function imageOf(facts: EventBase): Image {
  const known = 'executable' in facts ? (facts as ProcessSnapshot) : undefined;
  return {
    comm: facts.comm,
    executable: known?.executable ?? null,
    argv: known?.argv ?? null,
    argvTruncated: false,
    sinceKtimeNs: null,
    source: 'snapshot',
  };
}

function execImage(event: ExecEvent): Image {
  return {
    comm: event.comm,
    executable: event.executable,
    argv: event.argvUnreadable ? null : event.argv,
    argvTruncated: event.argvTruncated,
    sinceKtimeNs: event.ktimeNs,
    source: event.source,
  };
}
