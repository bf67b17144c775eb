// The live list of processes: a snapshot for each new client, then changes, gathered for a quarter of a second.
//
// Clients with the same filter form a group that knows which processes its clients have (its members). Events of the bus
// only mark processes; at each tick a marked process is compared with the members: new or changed ones are sent, ended
// ones told, and those that came and went in between are counted. So one process is at most one record a tick, and a
// thousand short-lived ones are one record together.
//
// A group stays for a while after its last client, and what it was sent is kept: who comes back is given what it missed,
// at its own pace, and joins the group in the very turn in which it has caught up.
//
// What no event tells (moves between cgroups, names that come late, corrections of the table) is found by looking at all
// processes every few seconds.
import { type GapJson, type LiveQuery, type LiveReadyJson, SCHEMA_VERSION } from '../../api/index.ts';
import { Tasks } from '../../lib/tasks.ts';
import type { AppliedEvent, EventBus, ModelView, ProcessView } from '../../model/index.ts';
import {
  type BacklogPump,
  StreamClient,
  type StreamClients,
  type StreamSocket,
  type StreamTotals,
  gapRecord,
} from '../../http/index.ts';
import { filterKey } from './event-filter.ts';
import { LiveLog, LiveLogs } from './live-log.ts';
import { LiveRecords } from './live-records.ts';
import { Slices } from './live-slices.ts';
import { processFilter } from '../answers/process-filter.ts';
import { formatStreamId, parseStreamId } from './stream-id.ts';

export interface LiveProcessesOptions {
  readonly bus: EventBus;
  readonly model: ModelView;
  readonly clients: StreamClients;
  readonly pump: BacklogPump;
  /** Marks the ids of this run of the agent. */
  readonly run: string;
  readonly now: () => string;
  /** Pause between two ticks; tests call `tick` themselves. */
  readonly tickMs: number;
  /** Bound of what is kept for clients that come back. */
  readonly logBytes: number;
  /** How long it is kept after the last client of a filter left. */
  readonly lingerMs: number;
  readonly tasks?: Tasks;
}

/** Ticks between two looks at all processes. */
const LOOK_TICKS = 8;
/** Groups without clients that are kept: each costs a comparison of every process that changes. */
const MAX_IDLE_GROUPS = 16;

interface Group {
  readonly key: string;
  readonly matches: (process: ProcessView) => boolean;
  /** What its clients know, in the order in which they were told: a snapshot is an iteration that goes on for a while. */
  readonly members: Set<ProcessView>;
  /** Clients that have the whole list. */
  readonly complete: Set<StreamClient>;
  /** Clients that are still given a snapshot. */
  readonly beginners: Set<StreamClient>;
  /** Clients that are given what they missed. */
  readonly returning: Set<StreamClient>;
  readonly log: LiveLog;
  /** Ends a group without clients. */
  linger: NodeJS.Timeout | undefined;
}

interface Snapshot {
  readonly processes: Iterator<ProcessView>;
  sent: number;
}

interface LiveClient {
  readonly group: Group;
  /** Of a beginner. */
  snapshot: Snapshot | null;
  /** Of one that returns: number of the slice of the log that it is given next. */
  next: number | null;
}

export interface LiveStats extends Readonly<StreamTotals> {
  readonly clients: number;
  readonly queuedBytes: number;
  /** Kept for clients that come back. */
  readonly logBytes: number;
}

export class LiveProcesses {
  readonly #options: LiveProcessesOptions;
  readonly #records: LiveRecords;
  readonly #logs: LiveLogs;
  readonly #groups = new Map<string, Group>();
  readonly #clients = new Map<StreamClient, LiveClient>();
  readonly #totals: StreamTotals = { sent: 0, lost: 0, expired: 0 };
  /** Processes that may have changed since the last tick. */
  readonly #marked = new Set<ProcessView>();
  /** What each process looked like when it was looked at last. */
  readonly #looks = new WeakMap<ProcessView, readonly unknown[]>();
  /** Processes whose end was told or counted. */
  readonly #ended = new WeakSet<ProcessView>();
  #ticks = 0;
  #unsubscribe: (() => void) | undefined;
  #stopTicking = () => {};

  constructor(options: LiveProcessesOptions) {
    this.#options = options;
    this.#records = new LiveRecords(options.model, options.now);
    this.#logs = new LiveLogs(options.logBytes);
  }

  /**
   * Subscribes a socket whose response head was sent. With the id of the last record that it had, it is given what has
   * changed since, or, where that is no longer kept, a gap and a snapshot.
   */
  add(query: LiveQuery, socket: StreamSocket, lastEventId?: string): StreamClient {
    const { bus, clients, now, pump, tickMs, tasks = new Tasks() } = this.#options;
    if (this.#unsubscribe === undefined) {
      this.#look();
      this.#marked.clear();
      this.#unsubscribe = bus.subscribe((batch) => this.#mark(batch));
      this.#stopTicking = tasks.every('the live list', tickMs, () => this.tick(), { unref: true });
    }
    const group = this.#groupOf(query);
    clearTimeout(group.linger);
    const client: StreamClient = new StreamClient(socket, {
      totals: this.#totals,
      now,
      turn: () => clients.turn,
      position: () => (group.complete.has(client) ? this.#position() : undefined),
      onRoom: () => {
        if (!group.complete.has(client)) pump.schedule(send);
      },
      onGapEnd: () => {
        if (!this.#clients.has(client)) return;
        this.#beginAnew(client);
        pump.schedule(send);
      },
    });
    const send = () => (group.returning.has(client) ? this.#sendMissed(client) : this.#sendSnapshot(client));
    clients.add(client);
    const next = lastEventId === undefined ? null : this.#resumeAt(group, lastEventId);
    const resumed = typeof next === 'number';
    this.#clients.set(client, { group, snapshot: null, next: resumed ? next : null });
    const ready: LiveReadyJson = { schema_version: SCHEMA_VERSION, type: 'ready', time: now(), resumed };
    client.tell('ready', ready);
    if (typeof next === 'string') client.tell('gap', gapRecord(null, next, now()));
    if (resumed) group.returning.add(client);
    else this.#beginAnew(client);
    pump.schedule(send);
    return client;
  }

  /** Idempotent. */
  remove(client: StreamClient): void {
    const live = this.#clients.get(client);
    if (live === undefined) return;
    const { clients, logBytes, lingerMs } = this.#options;
    const { group } = live;
    clients.remove(client);
    this.#clients.delete(client);
    for (const set of [group.complete, group.beginners, group.returning]) set.delete(client);
    if (isWanted(group)) return;
    const idle = [...this.#groups.values()].filter((each) => !isWanted(each));
    if (logBytes === 0) this.#forget(group);
    else group.linger = setTimeout(() => this.#forget(group), lingerMs).unref();
    if (idle.length > MAX_IDLE_GROUPS) this.#forget(idle[0]!);
  }

  /** Ends the work for clients that may come back. Idempotent. */
  stop(): void {
    for (const group of this.#groups.values()) if (!isWanted(group)) this.#forget(group);
  }

  stats(): LiveStats {
    let queuedBytes = 0;
    for (const client of this.#clients.keys()) queuedBytes += client.queuedBytes;
    return { clients: this.#clients.size, queuedBytes, logBytes: this.#logs.bytes, ...this.#totals };
  }

  /** Sends what has changed since the last tick. */
  tick(): void {
    this.#ticks++;
    if (this.#ticks % LOOK_TICKS === 0) this.#look();
    this.#followReopened();
    if (this.#marked.size === 0) return;
    const upserts = new Map<ProcessView, string>();
    const upsert = (process: ProcessView): string => {
      let text = upserts.get(process);
      if (text === undefined) {
        text = this.#records.process(process);
        upserts.set(process, text);
      }
      return text;
    };
    for (const group of this.#groups.values()) this.#tickGroup(group, upsert);
    for (const process of this.#marked) {
      if (process.state === 'running') this.#looks.set(process, this.#lookOf(process));
      else this.#ended.add(process);
    }
    this.#marked.clear();
  }

  /** A process that was taken for ended and runs again is another object in the model, in whose place it comes. */
  #followReopened(): void {
    for (const process of [...this.#marked]) {
      const current = this.#options.model.byPid(process.pid);
      if (process.state === 'running' || current?.startNs !== process.startNs) continue;
      this.#marked.delete(process);
      this.#marked.add(current);
      for (const { members } of this.#groups.values()) if (members.delete(process)) members.add(current);
    }
  }

  #tickGroup(group: Group, upsert: (process: ProcessView) => string): void {
    const { members, matches, complete, beginners, log } = group;
    const slices = new Slices({
      all: this.#options.clients,
      complete,
      beginners,
      logs: this.#logs,
      log,
      tick: this.#ticks,
      idLine: `id: ${this.#position()}\n`,
    });
    let short = 0;
    for (const process of this.#marked) {
      const isMember = members.has(process);
      if (process.state !== 'running') {
        if (members.delete(process)) slices.add(this.#records.exit(process));
        else if (!this.#ended.has(process) && matches(process)) short++;
      } else if (matches(process)) {
        members.add(process);
        slices.add(upsert(process));
      } else if (isMember) {
        members.delete(process);
        slices.add(this.#records.leave(process));
      }
    }
    if (short > 0) slices.add(this.#records.shortLived(short));
    slices.end();
  }

  #mark(batch: readonly AppliedEvent[]): void {
    for (const { process } of batch) if (process !== null) this.#marked.add(process);
  }

  /** Marks every process that looks different, or is gone without an event. */
  #look(): void {
    const { model } = this.#options;
    for (const process of model.running()) {
      const look = this.#lookOf(process);
      const before = this.#looks.get(process);
      if (before !== undefined && look.every((part, index) => part === before[index])) continue;
      this.#looks.set(process, look);
      this.#marked.add(process);
    }
    for (const { members } of this.#groups.values()) {
      for (const process of members) if (process.state !== 'running') this.#marked.add(process);
    }
  }

  #lookOf(process: ProcessView): readonly unknown[] {
    const { identity, image, uid, gid, euid, capEffective } = process;
    const metadata = this.#options.model.metadataOf(process);
    return [identity, metadata, image, image.argv, image.executable, uid, gid, euid, capEffective];
  }

  #groupOf(query: LiveQuery): Group {
    const { model } = this.#options;
    const key = filterKey(query);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = {
        key,
        matches: processFilter(model, query),
        members: new Set(),
        complete: new Set(),
        beginners: new Set(),
        returning: new Set(),
        log: new LiveLog(this.#ticks),
        linger: undefined,
      };
      this.#groups.set(key, group);
      for (const process of model.running()) if (group.matches(process)) group.members.add(process);
    }
    return group;
  }

  #forget(group: Group): void {
    clearTimeout(group.linger);
    this.#groups.delete(group.key);
    this.#logs.drop(group.log);
    if (this.#groups.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#stopTicking();
    this.#marked.clear();
  }

  /** The number of the slice to go on with; or why there is none. */
  #resumeAt(group: Group, lastEventId: string): number | GapJson['reason'] {
    const last = parseStreamId(lastEventId, this.#options.run);
    if (last === null || last > this.#ticks) return 'other-run';
    return group.log.behind(last) ?? 'buffer-expired';
  }

  /** From now on the client is given a snapshot. */
  #beginAnew(client: StreamClient): void {
    const live = this.#clients.get(client)!;
    const { complete, beginners, returning, members } = live.group;
    complete.delete(client);
    returning.delete(client);
    beginners.add(client);
    live.snapshot = { processes: members.values(), sent: 0 };
  }

  /** From now on the client is sent each tick, with its id. */
  #join(client: StreamClient, { complete, beginners, returning }: Group): void {
    beginners.delete(client);
    returning.delete(client);
    complete.add(client);
  }

  /** Some slices of what a client missed. True when there is more and the client has room for it. */
  #sendMissed(client: StreamClient): boolean {
    const live = this.#clients.get(client);
    const { now, clients } = this.#options;
    if (live === undefined || client.queuedBytes >= clients.sliceChars || !client.taking) return false;
    const { log } = live.group;
    if (live.next! === log.end) {
      this.#join(client, live.group);
      return false;
    }
    const slice = log.at(live.next!);
    if (slice === null) {
      client.tell('gap', gapRecord(null, 'buffer-expired', now()));
      this.#beginAnew(client);
      return true;
    }
    live.next!++;
    client.send(slice.chunk, slice.records);
    return true;
  }

  /** One slice of a snapshot. True when there is more and the client has room for it. */
  #sendSnapshot(client: StreamClient): boolean {
    const { clients } = this.#options;
    const live = this.#clients.get(client);
    if (live?.snapshot == null || client.queuedBytes >= clients.sliceChars || !client.taking) return false;
    const { snapshot } = live;
    let text = '';
    let records = 0;
    while (text.length < clients.sliceChars) {
      const { value: process, done } = snapshot.processes.next();
      if (done === true) {
        text += this.#records.snapshotEnd(snapshot.sent + records, this.#position());
        live.snapshot = null;
        this.#join(client, live.group);
        break;
      }
      // The next tick tells its exit.
      if (process.state !== 'running') continue;
      text += this.#records.snapshot(process);
      records++;
    }
    snapshot.sent += records;
    client.send(Buffer.from(text), records);
    return live.snapshot !== null && client.queuedBytes < clients.sliceChars;
  }

  #position(): string {
    return formatStreamId(this.#options.run, this.#ticks);
  }
}

function isWanted({ complete, beginners, returning }: Group): boolean {
  return complete.size + beginners.size + returning.size > 0;
}
