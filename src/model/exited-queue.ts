// Exited processes in order of exit, findable by pid and start, dropped oldest first.
import type { Process } from './process.ts';

/** A queue with an index. All operations take constant time, however many lives a pid had. */
export class ExitedQueue {
  /** Consumed entries before `#head` are undefined; compacted when they are half of the array. */
  #queue: (Process | undefined)[] = [];
  #head = 0;
  /** Lives of one pid are nearly always one: an array only when there are more. */
  readonly #byPid = new Map<number, Process | Process[]>();

  get size(): number {
    return this.#queue.length - this.#head;
  }

  get oldest(): Process | undefined {
    return this.#queue[this.#head];
  }

  push(process: Process): void {
    this.#queue.push(process);
    const known = this.#byPid.get(process.pid);
    if (known === undefined) this.#byPid.set(process.pid, process);
    else if (Array.isArray(known)) known.push(process);
    else this.#byPid.set(process.pid, [known, process]);
  }

  shift(): Process | undefined {
    const process = this.#queue[this.#head];
    if (process === undefined) return undefined;
    this.#queue[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    const known = this.#byPid.get(process.pid);
    if (Array.isArray(known)) {
      // Lives of one pid exit in order, so the oldest is the first.
      known.splice(known.indexOf(process), 1);
      if (known.length === 1) this.#byPid.set(process.pid, known[0]!);
    } else {
      this.#byPid.delete(process.pid);
    }
    return process;
  }

  find(pid: number, startNs: bigint): Process | undefined {
    const known = this.#byPid.get(pid);
    if (Array.isArray(known)) return known.find((process) => process.startNs === startNs);
    return known?.startNs === startNs ? known : undefined;
  }

  *[Symbol.iterator](): IterableIterator<Process> {
    for (let index = this.#head; index < this.#queue.length; index++) yield this.#queue[index]!;
  }
}
