// Execs that nobody told, by the numbers that the kernel gives to the execs of a process.
//
// A gap in the numbers shows what was not told. An execve that fails after the point of no return has taken a number too:
// it kills the process, so one number more at a death by signal is no exec. An exec takes its number some time before it
// is told: whoever lists processes in between has the number already.
import type { ExecEvent, ExitEvent, ProcessSnapshot } from '../decode/index.ts';
import type { Ledger } from './ledger.ts';
import type { Process } from './process.ts';

/** Counts in `execsMissing` of the ledger, and keeps `execId` of the processes that it is shown. */
export class ExecNumbers {
  readonly #ledger: Pick<Ledger, 'execsMissing'>;
  /** Processes that had a newer image in the last healing pass than any exec has told: the number of its execve. */
  #untold = new Map<Process, number>();
  /** How many execs of a process healing has counted as missing, which may still be told. */
  readonly #counted = new WeakMap<Process, number>();

  constructor(ledger: Pick<Ledger, 'execsMissing'>) {
    this.#ledger = ledger;
  }

  /** An exec or the exit of the process is told. */
  note(process: Process, event: ExecEvent | ExitEvent): void {
    const { execId } = event;
    const known = process.execId;
    if (execId === null || known === null) return;
    if (execId <= known) {
      if (event.type === 'exec') this.#takeBack(process);
      return;
    }
    const hasFailed = event.type === 'exit' && event.exitSignal !== null && execId === known + 1;
    if (!hasFailed) this.#ledger.execsMissing += execId - known - (event.type === 'exec' ? 1 : 0);
    process.execId = execId;
  }

  /**
   * One pass over live processes with their entries in the kernel's list. An exec counts as missing when it was so in the
   * pass before too.
   */
  compare(pairs: Iterable<readonly [Process, ProcessSnapshot]>): void {
    const untold = new Map<Process, number>();
    for (const [process, { execId }] of pairs) {
      if (execId === null || process.execId === null || execId <= process.execId) continue;
      if (this.#untold.get(process) !== execId) {
        untold.set(process, execId);
        continue;
      }
      const execs = execId - process.execId;
      this.#ledger.execsMissing += execs;
      this.#counted.set(process, (this.#counted.get(process) ?? 0) + execs);
      process.execId = execId;
    }
    this.#untold = untold;
  }

  /** An exec that healing may have counted is told after all. */
  #takeBack(process: Process): void {
    const counted = this.#counted.get(process) ?? 0;
    if (counted === 0) return;
    this.#ledger.execsMissing--;
    this.#counted.set(process, counted - 1);
  }
}
