// The way of a record through the agent: identity, process table, and then every stage of a fixed list.
import type { CollectorSink } from '../collect/index.ts';
import type { DecodedRecord } from '../decode/index.ts';
import type { CgroupRegistry } from '../identity/index.ts';
import type { Tasks } from '../lib/index.ts';
import type { ProcessTable, Stage } from '../model/index.ts';

export interface PipelineOptions {
  readonly registry: CgroupRegistry;
  readonly table: ProcessTable;
  /** In the order in which they are told. */
  readonly stages: readonly Stage[];
}

type Hook = Exclude<keyof Stage, 'name' | 'tick'>;

const TICK_MS = 1000;

export class Pipeline implements CollectorSink {
  readonly #registry: CgroupRegistry;
  readonly #table: ProcessTable;
  readonly #cgroup: NonNullable<Stage['cgroup']>[];
  readonly #move: NonNullable<Stage['move']>[];
  readonly #event: NonNullable<Stage['event']>[];
  readonly #batchEnd: NonNullable<Stage['batchEnd']>[];
  readonly #stages: readonly Stage[];
  #hadEvents = false;

  constructor({ registry, table, stages }: PipelineOptions) {
    this.#registry = registry;
    this.#stages = stages;
    this.#table = table;
    this.#cgroup = hooksOf(stages, 'cgroup');
    this.#move = hooksOf(stages, 'move');
    this.#event = hooksOf(stages, 'event');
    this.#batchEnd = hooksOf(stages, 'batchEnd');
  }

  record(record: DecodedRecord): void {
    switch (record.type) {
      case 'cgroup': {
        const identity = this.#registry.learn(record);
        if (identity !== null) for (const tell of this.#cgroup) tell(identity);
        return;
      }
      case 'move': {
        const identity = this.#registry.resolve(record);
        this.#table.move(record, identity);
        for (const tell of this.#move) tell(record, identity);
        return;
      }
      case 'snapshot':
        this.#table.adopt(record, this.#registry.resolve(record));
        return;
      case 'fork':
      case 'exec':
      case 'exit': {
        this.#hadEvents = true;
        const applied = this.#table.apply(record, this.#registry.resolve(record));
        for (const tell of this.#event) tell(applied);
        return;
      }
      default:
        this.#table.count(record);
    }
  }

  /** Starts the ticks of the stages that want them, and gives what ends them. */
  startTicks(tasks: Pick<Tasks, 'every'>): () => void {
    const stops = this.#stages
      .filter(({ tick }) => tick !== undefined)
      .map((stage) => tasks.every(stage.name, TICK_MS, () => stage.tick!()));
    return () => {
      for (const stop of stops) stop();
    };
  }

  batchEnd(): void {
    if (!this.#hadEvents) return;
    this.#hadEvents = false;
    for (const tell of this.#batchEnd) tell();
  }
}

/** A stage without this hook is not even asked. */
function hooksOf<H extends Hook>(stages: readonly Stage[], hook: H): NonNullable<Stage[H]>[] {
  return stages.flatMap((stage) => {
    const tell = stage[hook] as NonNullable<Stage[H]> | undefined;
    return tell === undefined ? [] : [tell.bind(stage) as NonNullable<Stage[H]>];
  });
}
