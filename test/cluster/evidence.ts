// Which events belong to which container of the workloads, by the marks in their arguments alone.
import type { EventJson } from '../../src/api/index.ts';
import { RUNS } from './container.ts';
import { findMark, lifeKey, type Mark } from './mark.ts';

/** A process of a workload; its mark is the one that says most: with the life. */
export interface MarkedProcess {
  mark: Mark;
  readonly events: EventJson[];
}

/** One life of a container of which all short processes must have been told. */
export interface Required {
  readonly group: string;
  readonly podUid: string;
  readonly container: string;
  readonly life: number;
  /** It has no end: it goes on starting processes. */
  readonly endless?: boolean;
  /** It began before the agents did, which cannot tell its first processes. */
  readonly older?: boolean;
}

export class Evidence {
  /** By process_id. */
  readonly processes = new Map<string, MarkedProcess>();
  readonly #run: string;
  /** By life and group: of each short process its events. */
  readonly #short = new Map<string, Map<string, MarkedProcess>>();

  constructor(run: string) {
    this.#run = run;
  }

  /** Takes the next event of the stream; its process, if that is one of a workload. */
  add(event: EventJson): MarkedProcess | undefined {
    const mark = findMark(this.#run, event.argv);
    let process = this.processes.get(event.process_id);
    if (process === undefined) {
      // Before the mark runc or the runtime's shim is at work, not the workload.
      if (mark === null) return undefined;
      process = { mark, events: [] };
      this.processes.set(event.process_id, process);
    }
    if (mark !== null && mark.life !== null) process.mark = mark;
    process.events.push(event);
    if (event.type === 'exec' && mark?.life != null && event.argv?.[0] === '/bin/true')
      this.#shortOf({ ...mark, life: mark.life }).set(event.argv.at(-1)!, process);
    return process;
  }

  markOf(argv: readonly string[] | null): Mark | null {
    return findMark(this.#run, argv);
  }

  /** Whether the container has ended its short processes. */
  isDone(required: Required): boolean {
    return this.#shortOf(required).has('done');
  }

  /** Whether any container of the group has. */
  isDoneSomewhere(group: string): boolean {
    return [...this.#short].some(([key, short]) => key.startsWith(`${group} `) && short.has('done'));
  }

  /** How many events of the container's short processes were not told. */
  missing(required: Required): number {
    const short = this.#shortOf(required);
    let missing = 0;
    for (let run = 0; run < RUNS; run++) missing += missingOf(short.get(`run-${run}`));
    return missing;
  }

  /** How many events of ticks are missing, from the first, of an older one the first that was told, to the last. */
  missingTicks(required: Required): number {
    const short = this.#shortOf(required);
    const numbers = [...short.keys()]
      .filter((name) => name.startsWith('tick-'))
      .map((name) => Number(name.slice(5)));
    // An endless workload of which nothing was told is missing.
    if (numbers.length === 0) return missingOf(undefined);
    const last = Math.max(...numbers);
    // The process of the first that was told may have begun before the agents.
    const first = required.older ? Math.min(...numbers) + 1 : 0;
    let missing = 0;
    // The last may be on its way.
    for (let tick = first; tick < last; tick++) missing += missingOf(short.get(`tick-${tick}`));
    return missing;
  }

  #shortOf({ group, podUid, container, life }: Required): Map<string, MarkedProcess> {
    const key = `${group} ${lifeKey(podUid, container, life)}`;
    const known = this.#short.get(key) ?? new Map<string, MarkedProcess>();
    this.#short.set(key, known);
    return known;
  }
}

const missingOf = (process: MarkedProcess | undefined) =>
  ['fork', 'exec', 'exit'].filter((type) => !process?.events.some((event) => event.type === type)).length;
