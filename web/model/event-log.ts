// The last events of a stream, newest first: a bounded number, parsed only when they are looked at.
import type { EventJson, GapJson } from '../../src/api/index.ts';

export const MAX_EVENTS = 5_000;
/** Arguments can be long; what is kept is bounded in characters too. */
const MAX_CHARS = 16 * 1024 * 1024;

export class Entry {
  readonly serial: number;
  readonly kind: string;
  readonly text: string;
  #parsed: EventJson | GapJson | undefined;

  constructor(serial: number, kind: string, text: string) {
    this.serial = serial;
    this.kind = kind;
    this.text = text;
  }

  get record(): EventJson | GapJson {
    this.#parsed ??= JSON.parse(this.text) as EventJson | GapJson;
    return this.#parsed;
  }
}

/** What can be shown. Serial numbers have no gaps: the newest and the size tell all of them. */
export interface EventView {
  readonly size: number;
  /** Serial number of the newest; 0 when there is none. */
  readonly newest: number;
  /** Undefined for what was dropped, or is not there yet. */
  bySerial(serial: number): Entry | undefined;
}

export class EventLog implements EventView {
  /** Oldest first; the first places are empty, and cut off now and then. */
  #entries: (Entry | undefined)[] = [];
  #first = 0;
  #chars = 0;
  #newest = 0;

  get size(): number {
    return this.#entries.length - this.#first;
  }

  get newest(): number {
    return this.#newest;
  }

  bySerial(serial: number): Entry | undefined {
    return find(this.#entries, this.#newest, serial);
  }

  add(kind: string, text: string): void {
    this.#entries.push(new Entry(++this.#newest, kind, text));
    this.#chars += text.length;
    while (this.size > MAX_EVENTS || (this.#chars > MAX_CHARS && this.size > 1)) {
      this.#chars -= this.#entries[this.#first]!.text.length;
      this.#entries[this.#first++] = undefined;
    }
    if (this.#first < MAX_EVENTS) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }

  /** What there is up to this one, for as long as somebody looks at it. */
  freeze(newest: number): EventView {
    const kept = this.#entries.slice(this.#first, this.#entries.length - (this.#newest - newest));
    return { size: kept.length, newest, bySerial: (serial) => find(kept, newest, serial) };
  }
}

function find(entries: readonly (Entry | undefined)[], newest: number, serial: number): Entry | undefined {
  return serial > newest ? undefined : entries[entries.length - 1 - (newest - serial)];
}
