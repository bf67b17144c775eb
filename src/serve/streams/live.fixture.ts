// The live list with a client that keeps what it is told, for tests.
import assert from 'node:assert/strict';
import { createParser } from 'eventsource-parser';
import { type LiveQuery, type LiveRecordJson, liveRecordSchema } from '../../api/index.ts';
import type { Process } from '../../model/index.ts';
import { BacklogPump } from '../../http/backlog-pump.ts';
import { apply, exec, exit, FakeAgent, fork, streamSettings } from '../fake-agent.fixture.ts';
import { LiveProcesses, type LiveProcessesOptions } from './live-processes.ts';
import { StreamClients } from '../../http/stream-clients.ts';

/** A client as the documentation tells to write one, on a socket that takes as much as the test says. */
export class LiveListClient {
  readonly records: LiveRecordJson[] = [];
  readonly held = new Map<string, { pid: number; comm: string; round: number }>();
  lastId: string | undefined;
  #round = 0;
  complete = false;
  open = true;
  writableLength = 0;
  #waiting: { text: string; flushed: () => void }[] = [];
  #parser = this.#newParser();

  #newParser() {
    return createParser({
      onEvent: ({ id, data }) => {
        this.#take(JSON.parse(data));
        this.lastId = id ?? this.lastId;
      },
    });
  }

  /** The connection breaks after so many characters of what is under way. What the client holds stays. */
  break(characters: number): void {
    const text = this.#waiting.map((each) => each.text).join('');
    this.#parser.feed(text.slice(0, characters));
    this.#waiting = [];
    this.#parser = this.#newParser();
    this.writableLength = 0;
  }

  write(chunk: Buffer | string, flushed: () => void): void {
    const text = chunk.toString();
    this.writableLength += Buffer.byteLength(text);
    this.#waiting.push({ text, flushed });
    if (this.open) setImmediate(() => this.read());
  }

  read(): void {
    for (const { text, flushed } of this.#waiting.splice(0)) {
      this.writableLength -= Buffer.byteLength(text);
      this.#parser.feed(text);
      flushed();
    }
  }

  #take(json: unknown): void {
    const record = liveRecordSchema.parse(json);
    this.records.push(record);
    if ((record.type === 'ready' && !record.resumed) || record.type === 'gap') {
      this.#round++;
      this.complete = false;
    } else if (record.type === 'snapshot' || record.type === 'process') {
      const { process_id: id, pid, comm } = record.process;
      this.held.set(id, { pid, comm, round: this.#round });
    } else if (record.type === 'exit' || record.type === 'leave') {
      this.held.delete(record.process_id);
    } else if (record.type === 'snapshot-end') {
      for (const [id, { round }] of this.held) if (round < this.#round) this.held.delete(id);
      this.complete = true;
    }
  }

  named<T extends LiveRecordJson['type']>(type: T) {
    return this.records.filter((record) => record.type === type) as Extract<LiveRecordJson, { type: T }>[];
  }

  get pids(): number[] {
    return [...this.held.values()].map(({ pid }) => pid).sort((a, b) => a - b);
  }
}

type LogSettings = Partial<Pick<LiveProcessesOptions, 'logBytes' | 'lingerMs'>>;

/** A live list that ticks when the test says, and what happens to its processes. */
export function setUp(settings: Partial<typeof streamSettings> = {}, log: LogSettings = {}) {
  const agent = new FakeAgent();
  const { bus, model } = agent;
  const live = new LiveProcesses({
    bus,
    model,
    clients: new StreamClients({ ...streamSettings, ...settings, heartbeatMs: 60_000 }),
    pump: new BacklogPump(),
    run: 'c0ffee00',
    now: () => '2026-11-23T08:00:00Z',
    tickMs: 3_600_000,
    logBytes: 1 << 20,
    lingerMs: 3_600_000,
    ...log,
  });
  let seq = 0;
  const tell = (event: Parameters<typeof apply>[0], process: Process) =>
    bus.publish([{ ...apply(event, ++seq), process }]);
  const start = (changes: Partial<Process> = {}) => {
    const process = model.add(changes);
    tell(fork({ pid: process.pid }), process);
    return process;
  };
  const end = (process: Process) => {
    model.end(process);
    tell(exit({ pid: process.pid }), process);
  };
  const change = (process: Process, comm: string) => {
    process.image = { ...process.image, comm };
    tell(exec({ pid: process.pid }), process);
  };
  const join = async (query: LiveQuery = {}) => {
    const socket = new LiveListClient();
    const client = live.add(query, socket);
    await settled(() => socket.complete);
    return { socket, client };
  };
  const resume = (socket: LiveListClient, query: LiveQuery = {}) => live.add(query, socket, socket.lastId);
  return { agent, bus, model, live, start, end, change, join, resume };
}

/** Lets what waits for its turn run. */
export const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Fails when it does not hold in very many turns. */
export async function settled(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    assert.ok(turns < 100_000, 'never');
    await turn();
  }
}

/** A tick, and everybody has read what it sent. */
export async function tick(live: LiveProcesses, ...sockets: LiveListClient[]): Promise<void> {
  live.tick();
  for (let turns = 0; turns < 5; turns++) await turn();
  await settled(() => sockets.every(({ writableLength }) => writableLength === 0));
}
