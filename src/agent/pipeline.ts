// The way of a record through the agent: identity, model, and out to whoever listens.
import type { CollectorSink } from '../collect/index.ts';
import type { DecodedRecord, EventBase } from '../decode/index.ts';
import type { CgroupRegistry } from '../identity/index.ts';
import type { AppliedEvent, EventBus, ProcessTable } from '../model/index.ts';

export interface PipelineOptions {
  readonly registry: CgroupRegistry;
  readonly table: ProcessTable;
  readonly bus: EventBus;
  /** Called once a batch with the CLOCK_BOOTTIME of its oldest event. */
  readonly observeOldest: (ktimeNs: bigint) => void;
}

export class Pipeline implements CollectorSink {
  readonly #options: PipelineOptions;
  #batch: AppliedEvent[] = [];

  constructor(options: PipelineOptions) {
    this.#options = options;
  }

  record(record: DecodedRecord): void {
    const { registry, table } = this.#options;
    switch (record.type) {
      case 'cgroup':
        registry.learn(record);
        return;
      case 'snapshot':
        table.adopt(record, registry.resolve(record));
        return;
      default:
        this.#batch.push(table.apply(record, registry.resolve(record)));
    }
  }

  batchEnd(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#options.observeOldest(batch[0]!.event.ktimeNs);
    this.#options.bus.publish(batch);
  }

  identify(facts: EventBase) {
    return this.#options.registry.resolve(facts);
  }
}
