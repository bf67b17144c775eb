// The way of a record through the agent: identity, model, and out to whoever listens.
import type { CollectorSink } from '../collect/index.ts';
import type { DecodedRecord } from '../decode/index.ts';
import type { CgroupRegistry, Identity, NameSearch } from '../identity/index.ts';
import type { ActivityBook, AppliedEvent, EventBus, ProcessTable } from '../model/index.ts';

export interface PipelineOptions {
  readonly registry: CgroupRegistry;
  readonly table: ProcessTable;
  readonly activity: Pick<ActivityBook, 'note' | 'tick'>;
  readonly bus: Pick<EventBus, 'subscribers'>;
  /** Takes the events of a batch on their way to the listeners. */
  readonly publish: (batch: AppliedEvent[]) => void;
  /** Told after a batch of how many of its events nobody listened to. */
  readonly skip: (count: number) => void;
  /** Told of each cgroup that is new. */
  readonly expect: (identity: Identity | null) => void;
  /** Finds out what containers are called that have just been made. */
  readonly search: Pick<NameSearch, 'note'>;
  /** Called once a batch with the CLOCK_BOOTTIME of its oldest event. */
  readonly observeOldest: (ktimeNs: bigint) => void;
}

export class Pipeline implements CollectorSink {
  readonly #options: PipelineOptions;
  /** Filled only while somebody listens. */
  #batch: AppliedEvent[] = [];
  #unheard = 0;
  #oldestNs: bigint | null = null;

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  record(record: DecodedRecord): void {
    const { registry, table, activity, bus, search } = this.#options;
    switch (record.type) {
      case 'cgroup':
        // Asks for the names of a new pod before its first process, where the record is that early.
        this.#options.expect(registry.learn(record));
        return;
      case 'move': {
        const identity = registry.resolve(record);
        search.note(record.pid, identity);
        table.move(record, identity);
        return;
      }
      case 'snapshot':
        table.adopt(record, registry.resolve(record));
        return;
      default: {
        if (this.#oldestNs === null) {
          this.#oldestNs = record.ktimeNs;
          activity.tick();
        }
        const identity = registry.resolve(record);
        if (record.type !== 'exit') search.note(record.pid, identity);
        const applied = table.apply(record, identity);
        activity.note(record, applied.identity);
        if (bus.subscribers > 0) this.#batch.push(applied);
        else this.#unheard++;
      }
    }
  }

  batchEnd(): void {
    if (this.#oldestNs === null) return;
    this.#options.observeOldest(this.#oldestNs);
    this.#oldestNs = null;
    if (this.#unheard > 0) this.#options.skip(this.#unheard);
    this.#unheard = 0;
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#options.publish(batch);
  }
}
