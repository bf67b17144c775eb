// One look at all processes after the other, and what has happened between two of them.
//
// A process is known by pid and start. Per look each process costs one read of its `stat`; that shows whether it is
// another life of the pid, has exited, or has execed. All else is read when it is new or has execed, and again often
// while it is young (runtimes move a process to its cgroup and user after its fork), later every ten seconds.
import type { ArgvMasker, DecodedRecord, ProcessEvent } from '../../decode/index.ts';
import { ProcCgroups } from './cgroups.ts';
import { MALFORMED, readDetails, readStatFile, type Unreadable } from './details.ts';
import { mayTrace, type ProcFacts, readFacts } from './facts.ts';
import { readArgv } from './image.ts';
import { execOf, exitOf, forkOf, type KnownProcess, snapshotOf, UNKNOWN_IMAGE } from './known-process.ts';
import { DENIED, GONE, type ProcFiles } from './proc-files.ts';
import { imageShown, type ProcStat, sameImage } from './stat.ts';

export interface ScanOptions {
  readonly boottimeNs: () => bigint;
  readonly mask: ArgvMasker;
  readonly argvBytes: number;
}

type Deliver = (record: DecodedRecord) => void;

const REFRESH_NS = 10_000_000_000n;
/** Refreshes in one look beyond what the time since the last one asks for. */
const SPARE_REFRESHES = 25;
const YOUNG_NS = 10_000_000_000n;
/** Of a kernel thread that is not young, `stat` is read at one look in so many: it never execs. */
const KERNEL_THREAD_LOOKS = 16;

export class ProcScan {
  readonly seen = { fork: 0, exec: 0, exit: 0 };
  /** Entries that were there and could not be used, since the start. */
  readonly errors = { malformed: 0, failed: 0 };
  /** How many processes the last look was not permitted to read. */
  denied = 0;
  readonly #files: ProcFiles;
  readonly #options: ScanOptions;
  readonly #cgroups = new ProcCgroups();
  readonly #known = new Map<number, KnownProcess>();
  /** Those whose exit was told, or that were dead at the first look: start by pid. */
  #zombies = new Map<number, bigint>();
  #stats = new Map<number, ProcStat>();
  #look = 0;
  #refreshesLeft = 0;
  #nowNs = 0n;

  constructor(files: ProcFiles, options: ScanOptions) {
    this.#files = files;
    this.#options = options;
  }

  /** CLOCK_BOOTTIME of the last look, when all `stat` had been read. */
  get nowNs(): bigint {
    return this.#nowNs;
  }

  get processes(): Iterable<KnownProcess> {
    return this.#known.values();
  }

  /** Tells what happened to the processes of the root since the last look; at the first, all as snapshots. */
  look(pids: readonly number[], deliver: Deliver): void {
    const first = this.#look++ === 0;
    const { reused, fresh, alive, zombies } = this.#readStats(pids);
    // After the reading: what events of another source say until now is not older than what was read.
    const sinceNs = Number(this.#nowNs);
    this.#nowNs = this.#options.boottimeNs();
    const period = (Number(this.#nowNs) - sinceNs) / Number(REFRESH_NS);
    this.#refreshesLeft = SPARE_REFRESHES + Math.ceil(this.#known.size * Math.min(1, period));

    // The old life of a pid ends before the new one begins; a parent is told before its children, and ends after.
    for (const known of reused) this.#exit(known, null, deliver);
    for (const pid of parentsFirst(fresh)) this.#begin(pid, fresh.get(pid)!, first, zombies, deliver);
    for (const known of alive) this.#follow(known, this.#stats.get(known.pid)!, zombies, deliver);
    for (const known of this.#known.values()) {
      if (known.seenIn !== this.#look) this.#exit(known, null, deliver);
    }
    this.#zombies = zombies;
    this.#stats = new Map();
  }

  #readStats(pids: readonly number[]) {
    const reused: KnownProcess[] = [];
    const alive: KnownProcess[] = [];
    const fresh = new Map<number, ProcStat>();
    const zombies = new Map<number, bigint>();
    this.denied = 0;
    for (const pid of pids) {
      const known = this.#known.get(pid);
      if (known?.stat.kernelThread && this.#mayWait(known)) {
        known.seenIn = this.#look;
        continue;
      }
      const stat = readStatFile(this.#files, pid);
      if (typeof stat === 'number') {
        // Not gone, only not shown: it lives on.
        if (this.#count(stat) !== GONE && known !== undefined) known.seenIn = this.#look;
        continue;
      }
      this.#stats.set(pid, stat);
      if (known?.startNs === stat.startNs) {
        known.seenIn = this.#look;
        alive.push(known);
        continue;
      }
      if (known !== undefined) {
        reused.push(known);
        this.#known.delete(pid);
      }
      if (this.#zombies.get(pid) === stat.startNs) zombies.set(pid, stat.startNs);
      else fresh.set(pid, stat);
    }
    return { reused, fresh, alive, zombies };
  }

  #mayWait({ pid, startNs }: KnownProcess): boolean {
    return (pid + this.#look) % KERNEL_THREAD_LOOKS !== 0 && this.#nowNs - startNs > YOUNG_NS;
  }

  #count(outcome: Unreadable): Unreadable {
    if (outcome === DENIED) this.denied++;
    else if (outcome === MALFORMED) this.errors.malformed++;
    else if (outcome !== GONE) this.errors.failed++;
    return outcome;
  }

  /** A process that was not there at the last look. */
  #begin(pid: number, stat: ProcStat, first: boolean, zombies: Map<number, bigint>, deliver: Deliver): void {
    if (first && stat.dead) {
      zombies.set(pid, stat.startNs);
      return;
    }
    const { mask, argvBytes } = this.#options;
    const details = readDetails(this.#files, pid, stat, argvBytes, mask);
    if (typeof details === 'number') {
      this.#count(details);
      return;
    }
    const known: KnownProcess = {
      ...details,
      pid,
      startNs: stat.startNs,
      parentStartNs: this.#startOf(details.stat.parentPid),
      factsReadNs: this.#nowNs,
      cgroupId: this.#cgroups.idOf(details.facts.cgroup, this.#nowNs, deliver),
      seenIn: this.#look,
    };
    this.#known.set(pid, known);
    if (first) {
      deliver(snapshotOf(known, this.#nowNs));
    } else {
      this.#tell(forkOf(known, this.#known.get(known.stat.parentPid), this.#nowNs), deliver);
      if (!known.stat.forkedOnly && !known.stat.kernelThread) this.#tellExec(known, deliver);
    }
    if (known.stat.dead) this.#bury(known, zombies, deliver);
  }

  /** A process that was there at the last look. */
  #follow(known: KnownProcess, stat: ProcStat, zombies: Map<number, bigint>, deliver: Deliver): void {
    const before = known.stat;
    if (stat.parentPid !== before.parentPid) known.parentStartNs = this.#startOf(stat.parentPid);
    if (stat.leaderGone) {
      const { imageCode, imageStack, imageHeap } = before;
      known.stat = { ...stat, imageCode, imageStack, imageHeap };
      return;
    }
    known.stat = stat;
    if (stat.dead) {
      // It has execed since the last look; what, nobody knows any more.
      if (before.forkedOnly && !stat.forkedOnly) {
        known.image = UNKNOWN_IMAGE;
        this.#tellExec(known, deliver);
      }
      this.#bury(known, zombies, deliver);
      return;
    }
    if (this.#hasExeced(known, before, deliver)) this.#renew(known, deliver);
  }

  /** Refreshes the facts on the way when they are due. */
  #hasExeced(known: KnownProcess, before: ProcStat, deliver: Deliver): boolean {
    const { stat } = known;
    const shown = imageShown(before) && imageShown(stat);
    if ((before.forkedOnly && !stat.forkedOnly) || (shown && !sameImage(before, stat))) return true;
    const renamed = before.comm !== stat.comm;
    const suspect = !shown && (renamed || imageShown(before) !== imageShown(stat));
    if (stat.kernelThread || (!suspect && !this.#refreshIsDue(known))) return false;

    const facts = readFacts(this.#files, known.pid);
    if (facts === null || facts === DENIED) return false;
    const { codeKib } = known.facts;
    this.#learn(known, facts, deliver);
    if (shown || facts.codeKib === 0) return false;
    // Without the right to trace: another size of the code is another program, and another name with other arguments.
    // A name alone may be set by prctl(2), arguments alone by setproctitle(3).
    if (codeKib !== 0 && facts.codeKib !== codeKib) return true;
    return renamed && this.#hasOtherArguments(known);
  }

  #hasOtherArguments(known: KnownProcess): boolean {
    const { mask, argvBytes } = this.#options;
    const read = readArgv(this.#files, known.pid, argvBytes);
    if (read === null || known.image.argv === null) return false;
    mask(read.argv, known.image.executable ?? read.argv[0] ?? '');
    return read.argv.join('\0') !== known.image.argv.join('\0');
  }

  /** After half as much time as the process has lived: often while it is young. */
  #refreshIsDue(known: KnownProcess): boolean {
    const sinceNs = this.#nowNs - known.factsReadNs;
    if (sinceNs < REFRESH_NS && sinceNs * 2n < this.#nowNs - known.startNs) return false;
    if (this.#refreshesLeft <= 0) return false;
    this.#refreshesLeft--;
    return true;
  }

  #learn(known: KnownProcess, facts: ProcFacts, deliver: Deliver): void {
    // Memory that is being given back shows as none.
    const gone = facts.codeKib === 0;
    const { codeKib, maxRssBytes } = gone ? known.facts : facts;
    known.facts = { ...facts, codeKib, maxRssBytes };
    known.factsReadNs = this.#nowNs;
    known.cgroupId = this.#cgroups.idOf(facts.cgroup, this.#nowNs, deliver);
  }

  /** The process has execed. Several times since the last look is one exec. */
  #renew(known: KnownProcess, deliver: Deliver): void {
    const { mask, argvBytes } = this.#options;
    const details = readDetails(this.#files, known.pid, known.stat, argvBytes, mask);
    if (typeof details === 'number') {
      this.#count(details);
      // That it has execed is certain; its end is told by the next look.
      known.image = UNKNOWN_IMAGE;
    } else {
      known.image = details.image;
      // A death in between is for the next look to find.
      if (!details.stat.dead && !details.stat.leaderGone) known.stat = details.stat;
      // Nothing of the old image's size and memory is kept.
      known.facts = details.facts;
      this.#learn(known, details.facts, deliver);
    }
    this.#tellExec(known, deliver);
  }

  #bury(known: KnownProcess, zombies: Map<number, bigint>, deliver: Deliver): void {
    zombies.set(known.pid, known.startNs);
    const { status } = known.stat;
    // 0 is either the status or what the kernel shows to those who may not know it.
    const shown = status !== 0 || mayTrace(this.#files, known.pid);
    this.#exit(known, shown ? status : null, deliver);
  }

  #exit(known: KnownProcess, status: number | null, deliver: Deliver): void {
    if (this.#known.get(known.pid) === known) this.#known.delete(known.pid);
    this.#tell(exitOf(known, status, this.#nowNs), deliver);
  }

  #tellExec(known: KnownProcess, deliver: Deliver): void {
    this.#tell(execOf(known, this.#files.executableFile(known.pid), this.#nowNs), deliver);
  }

  #tell(event: ProcessEvent, deliver: Deliver): void {
    this.seen[event.type]++;
    deliver(event);
  }

  #startOf(pid: number): bigint {
    return this.#stats.get(pid)?.startNs ?? this.#known.get(pid)?.startNs ?? 0n;
  }
}

/** By start, but never a child before its parent: starts are known to 10 ms only. */
function parentsFirst(fresh: ReadonlyMap<number, ProcStat>): number[] {
  const byStart = [...fresh.keys()].sort((a, b) => Number(fresh.get(a)!.startNs - fresh.get(b)!.startNs));
  const placed = new Set<number>();
  const order: number[] = [];
  for (const pid of byStart) {
    const chain: number[] = [];
    for (let next = pid; fresh.has(next) && !placed.has(next); next = fresh.get(next)!.parentPid) {
      placed.add(next);
      chain.push(next);
    }
    order.push(...chain.reverse());
  }
  return order;
}
