// The live list of processes: a snapshot for each new client, then changes, gathered for a quarter of a second.
//
// Clients with the same filter form a group that knows which processes its clients have (its members). Events of the bus
// only mark processes; at each tick a marked process is compared with the members: new or changed ones are sent, ended
// ones told, and those that came and went in between are counted. So one process is at most one record a tick, and a
// thousand short-lived ones are one record together.
//
// What no event tells (moves between cgroups, names that come late, corrections of the table) is found by looking at all
// processes every few seconds.
import { type LiveQuery, type LiveRecordJson, SCHEMA_VERSION } from '../api/index.ts';
import type { AppliedEvent, EventBus, ModelView, Process } from '../model/index.ts';
import type { BacklogPump } from './backlog-pump.ts';
import { filterKey } from './event-filter.ts';
import { processFilter } from './process-filter.ts';
import { processJson } from './process-json.ts';
import { signalName } from './signal-name.ts';
import { StreamClient, type StreamSocket, type StreamTotals, streamRecord } from './stream-client.ts';
import type { StreamClients } from './stream-clients.ts';
import { formatStreamId } from './stream-id.ts';

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
}

/** Ticks between two looks at all processes. */
const LOOK_TICKS = 8;

interface Group {
  readonly key: string;
  readonly matches: (process: Process) => boolean;
  /** What its clients know, in the order in which they were told: a snapshot is an iteration that goes on for a while. */
  readonly members: Set<Process>;
  readonly clients: Set<StreamClient>;
}

interface Snapshot {
  readonly processes: Iterator<Process>;
  sent: number;
}

interface LiveClient {
  readonly group: Group;
  /** Null once it is complete. */
  snapshot: Snapshot | null;
}

export interface LiveStats extends Readonly<StreamTotals> {
  readonly clients: number;
  readonly queuedBytes: number;
}

export class LiveProcesses {
  readonly #options: LiveProcessesOptions;
  readonly #groups = new Map<string, Group>();
  readonly #clients = new Map<StreamClient, LiveClient>();
  readonly #totals: StreamTotals = { sent: 0, lost: 0, expired: 0 };
  /** Processes that may have changed since the last tick. */
  readonly #marked = new Set<Process>();
  /** What each process looked like when it was looked at last. */
  readonly #looks = new WeakMap<Process, readonly unknown[]>();
  /** Processes whose end was told or counted. */
  readonly #ended = new WeakSet<Process>();
  #ticks = 0;
  #unsubscribe: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LiveProcessesOptions) {
    this.#options = options;
  }

  /** Subscribes a socket whose response head was sent. */
  add(query: LiveQuery, socket: StreamSocket): StreamClient {
    const { bus, clients, now, pump, tickMs } = this.#options;
    if (this.#clients.size === 0) {
      this.#look();
      this.#marked.clear();
    }
    this.#unsubscribe ??= bus.subscribe((batch) => this.#mark(batch));
    this.#timer ??= setInterval(() => this.tick(), tickMs).unref();
    const group = this.#groupOf(query);
    const client: StreamClient = new StreamClient(socket, {
      totals: this.#totals,
      now,
      turn: () => clients.turn,
      onRoom: () => {
        if (this.#clients.get(client)?.snapshot != null) pump.schedule(send);
      },
      // What the client missed is not kept: it begins anew.
      onGapEnd: () => {
        const live = this.#clients.get(client);
        if (live === undefined) return;
        live.snapshot = { processes: group.members.values(), sent: 0 };
        pump.schedule(send);
      },
    });
    const send = () => this.#sendSnapshot(client);
    clients.add(client);
    group.clients.add(client);
    this.#clients.set(client, { group, snapshot: { processes: group.members.values(), sent: 0 } });
    client.tell('ready', { schema_version: SCHEMA_VERSION, type: 'ready', time: now() });
    pump.schedule(send);
    return client;
  }

  /** Idempotent. */
  remove(client: StreamClient): void {
    const live = this.#clients.get(client);
    if (live === undefined) return;
    this.#options.clients.remove(client);
    this.#clients.delete(client);
    live.group.clients.delete(client);
    if (live.group.clients.size === 0) this.#groups.delete(live.group.key);
    if (this.#clients.size === 0) this.stop();
  }

  /** Idempotent. */
  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#marked.clear();
  }

  stats(): LiveStats {
    let queuedBytes = 0;
    for (const client of this.#clients.keys()) queuedBytes += client.queuedBytes;
    return { clients: this.#clients.size, queuedBytes, ...this.#totals };
  }

  /** Sends what has changed since the last tick. */
  tick(): void {
    this.#ticks++;
    if (this.#ticks % LOOK_TICKS === 0) this.#look();
    if (this.#marked.size === 0) return;
    const upserts = new Map<Process, string>();
    const upsert = (process: Process): string => {
      let text = upserts.get(process);
      if (text === undefined) {
        text = this.#record({
          schema_version: SCHEMA_VERSION,
          type: 'process',
          process: processJson(process, this.#options.model),
        });
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

  #tickGroup({ members, matches, clients }: Group, upsert: (process: Process) => string): void {
    const slices = new Slices(this.#options.clients, clients);
    let short = 0;
    for (const process of this.#marked) {
      const isMember = members.has(process);
      if (process.state !== 'running') {
        if (members.delete(process)) slices.add(this.#record(this.#exit(process)));
        else if (!this.#ended.has(process) && matches(process)) short++;
      } else if (matches(process)) {
        members.add(process);
        slices.add(upsert(process));
      } else if (isMember) {
        members.delete(process);
        slices.add(this.#record({ ...this.#named(process), type: 'leave' }));
      }
    }
    if (short > 0) {
      const time = this.#options.now();
      slices.add(this.#record({ schema_version: SCHEMA_VERSION, type: 'short-lived', time, count: short }));
    }
    slices.flush();
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

  #lookOf(process: Process): readonly unknown[] {
    const { identity, image, uid, gid, euid } = process;
    const metadata = this.#options.model.metadataOf(process);
    return [identity, metadata, image, image.argv, image.executable, uid, gid, euid];
  }

  #groupOf(query: LiveQuery): Group {
    const { model } = this.#options;
    const key = filterKey(query);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { key, matches: processFilter(model, query), members: new Set(), clients: new Set() };
      for (const process of model.running()) if (group.matches(process)) group.members.add(process);
      this.#groups.set(key, group);
    }
    return group;
  }

  /** One slice of a snapshot. True when there is more and the client has room for it. */
  #sendSnapshot(client: StreamClient): boolean {
    const { model, now, clients } = this.#options;
    const snapshot = this.#clients.get(client)?.snapshot;
    if (snapshot == null || client.queuedBytes >= clients.sliceChars || !client.taking) return false;
    let text = '';
    let records = 0;
    while (text.length < clients.sliceChars) {
      const { value: process, done } = snapshot.processes.next();
      if (done === true) {
        const processes = snapshot.sent + records;
        text += this.#record({
          schema_version: SCHEMA_VERSION,
          type: 'snapshot-end',
          time: now(),
          processes,
        });
        this.#clients.get(client)!.snapshot = null;
        break;
      }
      // The next tick tells its exit.
      if (process.state !== 'running') continue;
      text += this.#record({
        schema_version: SCHEMA_VERSION,
        type: 'snapshot',
        process: processJson(process, model),
      });
      records++;
    }
    snapshot.sent += records;
    client.send(Buffer.from(text), records);
    return this.#clients.get(client)?.snapshot !== null && client.queuedBytes < clients.sliceChars;
  }

  #exit(process: Process): LiveRecordJson {
    const { exit, exitKtimeNs, state } = process;
    const { model } = this.#options;
    return {
      ...this.#named(process),
      type: 'exit',
      state,
      exit_time: exitKtimeNs === null ? null : model.timeOf(exitKtimeNs),
      exit_code: exit?.exitCode ?? null,
      exit_signal: exit?.exitSignal ?? null,
      exit_signal_name: exit?.exitSignal == null ? null : signalName(exit.exitSignal),
      core_dumped: exit?.coreDumped ?? null,
      cpu_time_ns: exit?.cpuNs ?? null,
      max_rss_bytes: exit?.maxRssBytes ?? null,
    };
  }

  #named(process: Process) {
    const { model } = this.#options;
    return {
      schema_version: SCHEMA_VERSION,
      process_id: model.processIdOf(process),
      pid: process.pid,
    } as const;
  }

  #record(record: LiveRecordJson): string {
    const id = formatStreamId(this.#options.run, this.#ticks);
    return streamRecord(record.type, JSON.stringify(record), id);
  }
}

/** Gathers records for the clients of a group, and sends them in slices. */
class Slices {
  readonly #all: StreamClients;
  readonly #group: ReadonlySet<StreamClient>;
  #text = '';
  #records = 0;

  constructor(all: StreamClients, group: ReadonlySet<StreamClient>) {
    this.#all = all;
    this.#group = group;
  }

  add(text: string): void {
    this.#text += text;
    this.#records++;
    if (this.#text.length >= this.#all.sliceChars) this.flush();
  }

  flush(): void {
    if (this.#records === 0) return;
    this.#all.send(this.#group, Buffer.from(this.#text), this.#records);
    this.#text = '';
    this.#records = 0;
  }
}
