// Sends the events of the bus to all subscribers of the event stream.
//
// Each event becomes text at most once per batch, and only when a client that can take it asks for it.
// Clients with the same filter form a group that shares the bytes; they are cut into slices, so that a batch
// of any size passes a bounded queue as far as the kernel takes it.
import type { EventQuery } from '../api/index.ts';
import type { AppliedEvent, EventBus, ModelView } from '../model/index.ts';
import { type EventFilter, eventFilter, filterKey } from './event-filter.ts';
import { EventEncoder } from './event-json.ts';
import { StreamClient, type StreamSocket, type StreamTotals } from './stream-client.ts';

export interface EventStreamsOptions {
  readonly bus: EventBus;
  readonly model: Pick<ModelView, 'bootId' | 'timeOf'>;
  /** Bound of what may wait in user space for one client. */
  readonly queueBytes: number;
  /** Clients at the same time; with `queueBytes` this bounds the memory of all of them. */
  readonly maxClients: number;
  readonly heartbeatMs: number;
  readonly now: () => string;
}

/** Figures about all streams; `sent` and `lost` count events times clients since the start. */
export interface StreamStats {
  readonly clients: number;
  readonly queuedBytes: number;
  readonly sent: number;
  readonly lost: number;
}

interface FilterGroup {
  readonly key: string;
  readonly passes: EventFilter;
  readonly clients: Set<StreamClient>;
}

type FrameOf = (index: number) => string;

/** Characters of a slice: large enough to make writes rare, small enough for several to fit in the queue. */
const SLICE_CHARS = 65_536;

export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #encoder: EventEncoder;
  readonly #sliceChars: number;
  readonly #groups = new Map<string, FilterGroup>();
  readonly #clients = new Map<StreamClient, FilterGroup>();
  readonly #totals: StreamTotals = { sent: 0, lost: 0 };
  /** Both only while there are clients: an agent that nobody listens to does no work here. */
  #unsubscribe: (() => void) | undefined;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
    this.#encoder = new EventEncoder(options.model);
    this.#sliceChars = Math.min(SLICE_CHARS, options.queueBytes / 4);
  }

  get full(): boolean {
    return this.#clients.size >= this.#options.maxClients;
  }

  /** Subscribes a socket whose response head was sent. From the return on it misses nothing untold. */
  add(query: EventQuery, socket: StreamSocket): StreamClient {
    const client = new StreamClient(socket, this.#options.queueBytes, this.#totals, this.#options.now);
    const key = filterKey(query);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { key, passes: eventFilter(query), clients: new Set() };
      this.#groups.set(key, group);
    }
    group.clients.add(client);
    this.#clients.set(client, group);
    this.#unsubscribe ??= this.#options.bus.subscribe((batch) => this.#deliver(batch));
    this.#heartbeat ??= setInterval(() => this.#beat(), this.#options.heartbeatMs).unref();
    return client;
  }

  /** Idempotent. */
  remove(client: StreamClient): void {
    const group = this.#clients.get(client);
    if (group === undefined) return;
    this.#clients.delete(client);
    group.clients.delete(client);
    if (group.clients.size === 0) this.#groups.delete(group.key);
    if (this.#clients.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }

  stats(): StreamStats {
    let queuedBytes = 0;
    for (const client of this.#clients.keys()) queuedBytes += client.queuedBytes;
    return { clients: this.#clients.size, queuedBytes, ...this.#totals };
  }

  #beat(): void {
    for (const client of this.#clients.keys()) client.heartbeat();
  }

  #deliver(batch: readonly AppliedEvent[]): void {
    const encode: FrameOf = (index) => {
      const applied = batch[index]!;
      return `id: ${applied.seq}\nevent: ${applied.event.type}\ndata: ${this.#encoder.text(applied)}\n\n`;
    };
    const frameOf = this.#groups.size > 1 ? remember(encode) : encode;
    for (const group of this.#groups.values()) this.#deliverTo(group, batch, frameOf);
  }

  #deliverTo(group: FilterGroup, batch: readonly AppliedEvent[], frameOf: FrameOf): void {
    let taking = anyTakes(group);
    let text = '';
    let events = 0;
    for (let index = 0; index < batch.length; index++) {
      if (!group.passes(batch[index]!)) continue;
      events++;
      if (!taking) continue;
      text += frameOf(index);
      if (text.length < this.#sliceChars) continue;
      send(group, text, events);
      taking = anyTakes(group);
      text = '';
      events = 0;
    }
    if (events > 0) send(group, text, events);
  }
}

function anyTakes(group: FilterGroup): boolean {
  for (const client of group.clients) if (client.taking) return true;
  return false;
}

/** An empty text stands for events that no client of the group could take. */
function send(group: FilterGroup, text: string, events: number): void {
  if (text === '') {
    for (const client of group.clients) client.skip(events);
    return;
  }
  const chunk = Buffer.from(text);
  for (const client of group.clients) client.offer(chunk, events);
}

function remember(encode: FrameOf): FrameOf {
  const frames: string[] = [];
  return (index) => {
    frames[index] ??= encode(index);
    return frames[index];
  };
}
