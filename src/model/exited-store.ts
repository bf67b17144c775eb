// Exited processes in order of exit, findable by pid and start, dropped oldest first.
//
// They are most of what the table holds and hardly change any more, so their numbers lie in one buffer and not in
// objects: the garbage collector has nothing to visit or to move. An object is made when somebody asks.
import type { Identity } from '../identity/index.ts';
import type { Birth, Image, Process } from './process.ts';

/** Layout of an entry: big integers and floats in units of 8 bytes, then words of 4 bytes. */
const START_NS = 0;
const PARENT_START_NS = 1;
const EXIT_NS = 2;
const SERIAL = 3;
const CPU_NS = 4;
const MAX_RSS = 5;
const MINOR_FAULTS = 6;
const MAJOR_FAULTS = 7;
const BYTES = 8;
const PID = 18;
const PARENT_PID = 19;
const UID = 20;
const GID = 21;
const EUID = 22;
const NS_PID = 23;
const PID_NS = 24;
const EXEC_SEQ = 25;
const EXIT_CODE = 26;
const EXIT_SIGNAL = 27;
const FLAGS = 28;
const BIRTH = 29;
const ENTRY_LONGS = 15;
const ENTRY_WORDS = 2 * ENTRY_LONGS;

const KERNEL_THREAD = 1;
const CORE_DUMPED = 2;
const UNSEEN = 4;
const HAS_EXIT = 8;
/** The entry was taken out; its slot is free once all that are older are gone. */
const REMOVED = 16;
const BIRTHS: readonly Birth[] = ['fork', 'snapshot', 'fork_unseen'];
/** Stands for null among exit codes and signals. */
const NONE = 0xffffffff;

const FIRST_CAPACITY = 1024;

/** All operations take constant time on average, but for growing. */
export class ExitedStore {
  /** A power of two. */
  #capacity = FIRST_CAPACITY;
  /** Positions only count up; an entry's slot is its position modulo the capacity. */
  #head = 0;
  #tail = 0;
  /** Entries between them that were taken out. The oldest is never one of these. */
  #removed = 0;
  #longs!: BigUint64Array;
  #floats!: Float64Array;
  #words!: Uint32Array;
  /** What of an entry stays objects, by slot. */
  #identities: Identity[] = [];
  #capabilities: string[] = [];
  #images: (Image | undefined)[] = [];
  #earlierImages: (Image[] | null)[] = [];
  #children: (Set<Process> | null)[] = [];
  /** Entries with the same low bits of their pid, newest first: slot plus one, 0 where there is none. */
  #newest!: Uint32Array;
  #older!: Uint32Array;

  constructor() {
    this.#allocate();
  }

  get size(): number {
    return this.#tail - this.#head - this.#removed;
  }

  /** CLOCK_BOOTTIME of the oldest exit; undefined when there is none. */
  get oldestExitNs(): bigint | undefined {
    return this.size === 0 ? undefined : this.#longs[this.#slotOf(this.#head) * ENTRY_LONGS + EXIT_NS]!;
  }

  /** What the oldest counts for in the memory budget; 0 when there is none. */
  get oldestBytes(): number {
    return this.size === 0 ? 0 : this.#floats[this.#slotOf(this.#head) * ENTRY_LONGS + BYTES]!;
  }

  /** How many earlier images the oldest has. */
  get oldestEarlierImages(): number {
    return this.size === 0 ? 0 : (this.#earlierImages[this.#slotOf(this.#head)]?.length ?? 0);
  }

  /** Takes a process whose time of exit is set. */
  push(process: Process): void {
    if (this.#tail - this.#head === this.#capacity) this.#grow();
    const slot = this.#slotOf(this.#tail++);
    this.#write(slot, process);
    this.#link(slot, process.pid);
  }

  /** Writes anew a process that was taken before; nothing happens when it was dropped since. */
  replace(process: Process): void {
    const slot = this.#find(process.pid, process.startNs);
    if (slot !== -1) this.#write(slot, process);
  }

  /** Nothing happens when there is none. */
  dropOldest(): void {
    if (this.size === 0) return;
    this.#clear(this.#slotOf(this.#head++));
    this.#skipRemoved();
  }

  /** Takes a process out, whatever its age. Nothing happens when it is not there. */
  remove(pid: number, startNs: bigint): void {
    const slot = this.#find(pid, startNs);
    if (slot === -1) return;
    this.#clear(slot);
    this.#words[slot * ENTRY_WORDS + FLAGS] = REMOVED;
    this.#removed++;
    this.#skipRemoved();
  }

  /** A copy: what is changed in it must be given to `replace`. */
  find(pid: number, startNs: bigint): Process | undefined {
    const slot = this.#find(pid, startNs);
    return slot === -1 ? undefined : this.#read(slot);
  }

  *[Symbol.iterator](): IterableIterator<Process> {
    for (let position = this.#head; position < this.#tail; position++) {
      const slot = this.#slotOf(position);
      if (!this.#isRemoved(slot)) yield this.#read(slot);
    }
  }

  #isRemoved(slot: number): boolean {
    return this.#words[slot * ENTRY_WORDS + FLAGS] === REMOVED;
  }

  #skipRemoved(): void {
    while (this.#head < this.#tail && this.#isRemoved(this.#slotOf(this.#head))) {
      this.#head++;
      this.#removed--;
    }
  }

  #clear(slot: number): void {
    this.#unlink(slot, this.#words[slot * ENTRY_WORDS + PID]!);
    this.#images[slot] = undefined;
    this.#earlierImages[slot] = null;
    this.#children[slot] = null;
  }

  #slotOf(position: number): number {
    return position % this.#capacity;
  }

  #find(pid: number, startNs: bigint): number {
    let next = this.#newest[pid & (this.#capacity - 1)]!;
    while (next !== 0) {
      const slot = next - 1;
      const isPid = this.#words[slot * ENTRY_WORDS + PID] === pid;
      if (isPid && this.#longs[slot * ENTRY_LONGS + START_NS] === startNs) return slot;
      next = this.#older[slot]!;
    }
    return -1;
  }

  #link(slot: number, pid: number): void {
    const chain = pid & (this.#capacity - 1);
    this.#older[slot] = this.#newest[chain]!;
    this.#newest[chain] = slot + 1;
  }

  #unlink(slot: number, pid: number): void {
    const chain = pid & (this.#capacity - 1);
    const older = this.#older[slot]!;
    let next = this.#newest[chain]! - 1;
    if (next === slot) {
      this.#newest[chain] = older;
      return;
    }
    while (this.#older[next] !== slot + 1) next = this.#older[next]! - 1;
    this.#older[next] = older;
  }

  #allocate(): void {
    const buffer = new ArrayBuffer(this.#capacity * ENTRY_LONGS * 8);
    this.#longs = new BigUint64Array(buffer);
    this.#floats = new Float64Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#newest = new Uint32Array(this.#capacity);
    this.#older = new Uint32Array(this.#capacity);
  }

  #grow(): void {
    const size = this.#tail - this.#head;
    const [words, head, before] = [this.#words, this.#head, this.#capacity];
    const inOrder = <T>(entries: T[]) => entries.slice(head % before).concat(entries.slice(0, head % before));
    this.#identities = inOrder(this.#identities);
    this.#capabilities = inOrder(this.#capabilities);
    this.#images = inOrder(this.#images);
    this.#earlierImages = inOrder(this.#earlierImages);
    this.#children = inOrder(this.#children);
    this.#capacity *= 2;
    this.#allocate();
    this.#head = 0;
    this.#tail = size;
    for (let slot = 0; slot < size; slot++) {
      const from = (head + slot) % before;
      this.#words.set(words.subarray(from * ENTRY_WORDS, (from + 1) * ENTRY_WORDS), slot * ENTRY_WORDS);
      if (!this.#isRemoved(slot)) this.#link(slot, this.#words[slot * ENTRY_WORDS + PID]!);
    }
  }

  #write(slot: number, process: Process): void {
    const [longs, floats, words] = [this.#longs, this.#floats, this.#words];
    const long = slot * ENTRY_LONGS;
    const word = slot * ENTRY_WORDS;
    const { exit } = process;
    longs[long + START_NS] = process.startNs;
    longs[long + PARENT_START_NS] = process.parentStartNs;
    longs[long + EXIT_NS] = process.exitKtimeNs ?? 0n;
    floats[long + SERIAL] = process.serial;
    floats[long + CPU_NS] = exit?.cpuNs ?? 0;
    floats[long + MAX_RSS] = exit?.maxRssBytes ?? 0;
    floats[long + MINOR_FAULTS] = exit?.minorFaults ?? 0;
    floats[long + MAJOR_FAULTS] = exit?.majorFaults ?? 0;
    floats[long + BYTES] = process.bytes;
    words[word + PID] = process.pid;
    words[word + PARENT_PID] = process.parentPid;
    words[word + UID] = process.uid;
    words[word + GID] = process.gid;
    words[word + EUID] = process.euid;
    words[word + NS_PID] = process.nsPid;
    words[word + PID_NS] = process.pidNs;
    words[word + EXEC_SEQ] = process.execSeq;
    words[word + EXIT_CODE] = exit?.exitCode ?? NONE;
    words[word + EXIT_SIGNAL] = exit?.exitSignal ?? NONE;
    words[word + FLAGS] =
      (process.kernelThread ? KERNEL_THREAD : 0) |
      (exit?.coreDumped === true ? CORE_DUMPED : 0) |
      (process.state === 'exit_unseen' ? UNSEEN : 0) |
      (exit === null ? 0 : HAS_EXIT);
    words[word + BIRTH] = BIRTHS.indexOf(process.birth);
    this.#identities[slot] = process.identity;
    this.#capabilities[slot] = process.capEffective;
    this.#images[slot] = process.image;
    this.#earlierImages[slot] = process.earlierImages;
    this.#children[slot] = process.children;
  }

  #read(slot: number): Process {
    const [longs, floats, words] = [this.#longs, this.#floats, this.#words];
    const long = slot * ENTRY_LONGS;
    const word = slot * ENTRY_WORDS;
    const flags = words[word + FLAGS]!;
    const orNull = (value: number) => (value === NONE ? null : value);
    return {
      serial: floats[long + SERIAL]!,
      pid: words[word + PID]!,
      startNs: longs[long + START_NS]!,
      kernelThread: (flags & KERNEL_THREAD) !== 0,
      nsPid: words[word + NS_PID]!,
      pidNs: words[word + PID_NS]!,
      birth: BIRTHS[words[word + BIRTH]!]!,
      state: (flags & UNSEEN) === 0 ? 'exited' : 'exit_unseen',
      parentPid: words[word + PARENT_PID]!,
      parentStartNs: longs[long + PARENT_START_NS]!,
      uid: words[word + UID]!,
      gid: words[word + GID]!,
      euid: words[word + EUID]!,
      capEffective: this.#capabilities[slot]!,
      execId: null,
      execSeq: words[word + EXEC_SEQ]!,
      exitKtimeNs: longs[long + EXIT_NS]!,
      bytes: floats[long + BYTES]!,
      exit:
        (flags & HAS_EXIT) === 0
          ? null
          : {
              exitCode: orNull(words[word + EXIT_CODE]!),
              exitSignal: orNull(words[word + EXIT_SIGNAL]!),
              coreDumped: (flags & CORE_DUMPED) !== 0,
              cpuNs: floats[long + CPU_NS]!,
              maxRssBytes: floats[long + MAX_RSS]!,
              minorFaults: floats[long + MINOR_FAULTS]!,
              majorFaults: floats[long + MAJOR_FAULTS]!,
            },
      identity: this.#identities[slot]!,
      image: this.#images[slot]!,
      earlierImages: this.#earlierImages[slot]!,
      children: this.#children[slot]!,
    };
  }
}
