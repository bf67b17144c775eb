// Sends the events of the bus to all subscribers of the event stream, and what they missed to those that come back.
//
// Each event becomes text at most once per batch, and only when a client that can take it asks for it.
// Clients with the same filter form a group that shares the bytes; they are cut into slices, so that a batch
// of any size passes a bounded queue as far as the kernel takes it.
//
// Events are kept for replay from the first client on and for a while after the last one left: an agent that nobody
// listens to does no work here. A client that comes back first gets what is kept, at its own pace, and joins its group
// in the very turn in which it has caught up, so that nothing is missed or sent twice.
import { type EventQuery, SCHEMA_VERSION, type StreamReadyJson } from '../../api/index.ts';
import type { AppliedEvent, EventBus, ModelView } from '../../model/index.ts';
import {
  type BacklogPump,
  StreamClient,
  type StreamClients,
  type StreamSocket,
  type StreamTotals,
  gapRecord,
} from '../../http/index.ts';
import { type EventFilter, eventFilter, filterKey } from './event-filter.ts';
import { EventEncoder } from '../../encode/index.ts';
import { ReplayBuffer, type ReplayLimits } from './replay-buffer.ts';
import { unixNs } from '../answers/rfc3339.ts';
import { formatStreamId, parseStreamId } from './stream-id.ts';

export interface EventStreamsOptions {
  readonly bus: EventBus;
  readonly model: Pick<ModelView, 'bootId' | 'timeOf' | 'ktimeOf'>;
  readonly clients: StreamClients;
  readonly pump: BacklogPump;
  /** Marks the ids of this run of the agent. */
  readonly run: string;
  readonly replay: ReplayLimits;
  /** How long events are kept after the last client left. */
  readonly lingerMs: number;
  readonly now: () => string;
}

/** Figures about all event streams; `sent`, `lost` and `expired` count events times clients since the start. */
export interface StreamStats extends Readonly<StreamTotals> {
  readonly clients: number;
  readonly queuedBytes: number;
  readonly replayEvents: number;
  readonly replayBytes: number;
}

interface FilterGroup {
  readonly key: string;
  readonly passes: EventFilter;
  readonly clients: Set<StreamClient>;
}

/** A client that is given what it missed; `next` is the position to look at. */
interface CatchingUp {
  readonly query: EventQuery;
  readonly passes: EventFilter;
  next: number;
}

type FrameOf = (index: number) => string;

/** Kept events that are looked at in a slice, whether they pass the filter or not. */
const SLICE_EVENTS = 5000;

export class EventStreams {
  readonly #options: EventStreamsOptions;
  readonly #encoder: EventEncoder;
  readonly #replay: ReplayBuffer;
  readonly #groups = new Map<string, FilterGroup>();
  /** Every client with its group; null while it catches up. */
  readonly #clients = new Map<StreamClient, FilterGroup | null>();
  readonly #catchingUp = new Map<StreamClient, CatchingUp>();
  readonly #totals: StreamTotals = { sent: 0, lost: 0, expired: 0 };
  #unsubscribe: (() => void) | undefined;
  #linger: NodeJS.Timeout | undefined;

  constructor(options: EventStreamsOptions) {
    this.#options = options;
    this.#encoder = new EventEncoder(options.model);
    this.#replay = new ReplayBuffer(options.replay);
  }

  /**
   * Subscribes a socket whose response head was sent. From the return on it misses nothing untold; with the id of the
   * last event that it had, nothing since then.
   */
  add(query: EventQuery, socket: StreamSocket, lastEventId?: string): StreamClient {
    const { bus, clients, now, pump } = this.#options;
    const client: StreamClient = new StreamClient(socket, {
      totals: this.#totals,
      now,
      turn: () => clients.turn,
      position: () => (this.#catchingUp.has(client) ? undefined : this.#position(bus.lastSeq)),
      onRoom: () => {
        if (this.#catchingUp.has(client)) pump.schedule(send);
      },
    });
    const send = () => this.#sendKept(client);
    clients.add(client);
    const ready: StreamReadyJson = { schema_version: SCHEMA_VERSION, type: 'ready', time: now() };
    const isNew = lastEventId === undefined && query.since === undefined;
    client.tell('ready', ready, isNew ? this.#position(bus.lastSeq) : undefined);
    clearTimeout(this.#linger);
    this.#unsubscribe ??= bus.subscribe((batch) => {
      this.#replay.add(batch);
      this.#deliver(batch);
    });
    if (isNew) {
      this.#goLive(client, query);
      return client;
    }
    this.#clients.set(client, null);
    const next =
      lastEventId === undefined ? this.#beginAt(client, query.since!) : this.#resumeAt(client, lastEventId);
    this.#catchingUp.set(client, { query, passes: eventFilter(query, this.#options.model), next });
    if (send()) pump.schedule(send);
    return client;
  }

  /** Idempotent. */
  remove(client: StreamClient): void {
    const group = this.#clients.get(client);
    if (group === undefined) return;
    this.#options.clients.remove(client);
    this.#clients.delete(client);
    this.#catchingUp.delete(client);
    group?.clients.delete(client);
    if (group?.clients.size === 0) this.#groups.delete(group.key);
    if (this.#clients.size > 0) return;
    if (this.#options.replay.events === 0) this.stop();
    else this.#linger = setTimeout(() => this.stop(), this.#options.lingerMs).unref();
  }

  /** The last word to a client before its stream ends. */
  finish(client: StreamClient): void {
    const catchingUp = this.#catchingUp.get(client);
    const untold = catchingUp === undefined ? 0 : this.#options.bus.lastSeq + 1 - catchingUp.next;
    if (untold > 0) client.skip(untold);
    client.finish();
  }

  /** Forgets what is kept, when there are no clients. */
  stop(): void {
    clearTimeout(this.#linger);
    if (this.#clients.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#replay.clear();
  }

  stats(): StreamStats {
    let queuedBytes = 0;
    for (const client of this.#clients.keys()) queuedBytes += client.queuedBytes;
    const { count, bytes } = this.#replay;
    return {
      clients: this.#clients.size,
      queuedBytes,
      ...this.#totals,
      replayEvents: count,
      replayBytes: bytes,
    };
  }

  #goLive(client: StreamClient, query: EventQuery): void {
    this.#catchingUp.delete(client);
    const key = filterKey(query);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { key, passes: eventFilter(query, this.#options.model), clients: new Set() };
      this.#groups.set(key, group);
    }
    group.clients.add(client);
    this.#clients.set(client, group);
  }

  /** The position to go on at. Tells a gap where nobody can know what was missed. */
  #resumeAt(client: StreamClient, lastEventId: string): number {
    const { bus, run, now } = this.#options;
    const last = parseStreamId(lastEventId, run);
    if (last !== null && last <= bus.lastSeq) return last + 1;
    const oldest = this.#replay.oldest(bus.lastSeq + 1);
    client.tell('gap', gapRecord(null, 'other-run', now()), this.#position(oldest - 1));
    return oldest;
  }

  /** The position of the oldest event that is kept. Tells a gap when there may have been others since that time. */
  #beginAt(client: StreamClient, since: string): number {
    const { bus, model, now } = this.#options;
    const oldest = this.#replay.oldest(bus.lastSeq + 1);
    const keptFromNs =
      oldest <= bus.lastSeq ? this.#replay.at(oldest).event.ktimeNs : model.ktimeOf(unixNs(now()));
    if (model.ktimeOf(unixNs(since)) < keptFromNs) {
      client.tell('gap', gapRecord(null, 'buffer-expired', now()), this.#position(oldest - 1));
    }
    return oldest;
  }

  /** One slice of what a client missed. True when there is more and it has room. */
  #sendKept(client: StreamClient): boolean {
    const { sliceChars } = this.#options.clients;
    const at = this.#catchingUp.get(client);
    if (at === undefined || client.queuedBytes >= sliceChars) return false;
    const { bus, now } = this.#options;
    const oldest = this.#replay.oldest(bus.lastSeq + 1);
    if (oldest > at.next) {
      this.#totals.expired += oldest - at.next;
      const gap = gapRecord(oldest - at.next, 'buffer-expired', now());
      client.tell('gap', gap, this.#position(oldest - 1));
      at.next = oldest;
    }
    const end = Math.min(bus.lastSeq, at.next + SLICE_EVENTS - 1);
    let text = '';
    let events = 0;
    for (; at.next <= end && text.length < sliceChars; at.next++) {
      const applied = this.#replay.at(at.next);
      if (!at.passes(applied)) continue;
      text += this.#frame(applied);
      events++;
    }
    if (events > 0) client.send(Buffer.from(text), events);
    if (at.next > bus.lastSeq) this.#goLive(client, at.query);
    return at.next <= bus.lastSeq && client.queuedBytes < sliceChars;
  }

  #frame(applied: AppliedEvent): string {
    return `id: ${this.#position(applied.seq)}\nevent: ${applied.event.type}\ndata: ${this.#encoder.text(applied)}\n\n`;
  }

  #position(seq: number): string {
    return formatStreamId(this.#options.run, seq);
  }

  #deliver(batch: readonly AppliedEvent[]): void {
    const encode: FrameOf = (index) => this.#frame(batch[index]!);
    const frameOf = this.#groups.size > 1 ? remember(encode) : encode;
    for (const group of this.#groups.values()) this.#deliverTo(group, batch, frameOf);
  }

  #deliverTo(group: FilterGroup, batch: readonly AppliedEvent[], frameOf: FrameOf): void {
    const { clients } = this.#options;
    let taking = anyTakes(group);
    let text = '';
    let events = 0;
    for (let index = 0; index < batch.length; index++) {
      if (!group.passes(batch[index]!)) continue;
      events++;
      if (!taking) continue;
      text += frameOf(index);
      if (text.length < clients.sliceChars) continue;
      clients.send(group.clients, Buffer.from(text), events);
      taking = anyTakes(group);
      text = '';
      events = 0;
    }
    if (events > 0) clients.send(group.clients, text === '' ? null : Buffer.from(text), events);
  }
}

function anyTakes(group: FilterGroup): boolean {
  for (const client of group.clients) if (client.taking) return true;
  return false;
}

function remember(encode: FrameOf): FrameOf {
  const frames: string[] = [];
  return (index) => {
    frames[index] ??= encode(index);
    return frames[index];
  };
}
