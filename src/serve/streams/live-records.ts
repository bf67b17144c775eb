// The records of the live list as text for a stream.
import { type LiveRecordJson, SCHEMA_VERSION } from '../../api/index.ts';
import type { ModelView, ProcessView } from '../../model/index.ts';
import { processJson, signalName } from '../../encode/index.ts';
import { streamRecord } from '../../http/index.ts';

const version = { schema_version: SCHEMA_VERSION } as const;

export class LiveRecords {
  readonly #model: ModelView;
  readonly #now: () => string;

  constructor(model: ModelView, now: () => string) {
    this.#model = model;
    this.#now = now;
  }

  snapshot(process: ProcessView): string {
    return text({ ...version, type: 'snapshot', process: processJson(process, this.#model) });
  }

  snapshotEnd(processes: number, id: string): string {
    return text({ ...version, type: 'snapshot-end', time: this.#now(), processes }, id);
  }

  process(process: ProcessView): string {
    return text({ ...version, type: 'process', process: processJson(process, this.#model) });
  }

  leave(process: ProcessView): string {
    return text({ ...version, ...this.#named(process), type: 'leave' });
  }

  shortLived(count: number): string {
    return text({ ...version, type: 'short-lived', time: this.#now(), count });
  }

  exit(process: ProcessView): string {
    const { exit, exitKtimeNs, state } = process;
    return text({
      ...version,
      ...this.#named(process),
      type: 'exit',
      state,
      exit_time: exitKtimeNs === null ? null : this.#model.timeOf(exitKtimeNs),
      exit_code: exit?.exitCode ?? null,
      exit_signal: exit?.exitSignal ?? null,
      exit_signal_name: exit?.exitSignal == null ? null : signalName(exit.exitSignal),
      core_dumped: exit?.coreDumped ?? null,
      cpu_time_ns: exit?.cpuNs ?? null,
      max_rss_bytes: exit?.maxRssBytes ?? null,
    });
  }

  #named(process: ProcessView) {
    return { process_id: this.#model.processIdOf(process), pid: process.pid } as const;
  }
}

function text(record: LiveRecordJson, id?: string): string {
  return streamRecord(record.type, JSON.stringify(record), id);
}
