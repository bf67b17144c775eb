// Gathers the records of a tick for one filter, and sends them in slices.
//
// The id of the tick is on its last record alone: a client that has it has all of the tick. Clients that do not have the
// whole list yet get the same records without it: there is nothing that they could go on from.
import type { LiveLog, LiveLogs } from './live-log.ts';
import type { StreamClient, StreamClients } from '../../http/index.ts';

export interface SlicesOptions {
  readonly all: StreamClients;
  /** Clients that have the whole list. */
  readonly complete: ReadonlySet<StreamClient>;
  /** Clients that are still given a snapshot. */
  readonly beginners: ReadonlySet<StreamClient>;
  readonly logs: LiveLogs;
  readonly log: LiveLog;
  readonly tick: number;
  /** The line with the id of the tick. */
  readonly idLine: string;
}

export class Slices {
  readonly #options: SlicesOptions;
  #text = '';
  #records = 0;
  #last: string | null = null;

  constructor(options: SlicesOptions) {
    this.#options = options;
  }

  /** A record with its empty line at the end. */
  add(record: string): void {
    if (this.#last !== null) this.#text += this.#last;
    if (this.#text.length >= this.#options.all.sliceChars) this.#send(this.#text, this.#text);
    this.#last = record;
    this.#records++;
  }

  /** The tick is over. */
  end(): void {
    if (this.#last === null) return;
    this.#send(`${this.#text}${this.#options.idLine}${this.#last}`, `${this.#text}${this.#last}`);
  }

  #send(text: string, withoutId: string): void {
    const { all, complete, beginners, logs, log, tick } = this.#options;
    const chunk = Buffer.from(text);
    all.send(complete, chunk, this.#records);
    if (beginners.size > 0) all.send(beginners, Buffer.from(withoutId), this.#records);
    logs.add(log, { tick, chunk, records: this.#records });
    this.#text = '';
    this.#records = 0;
  }
}
