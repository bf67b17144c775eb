// The live list: whoever applies its records has the processes that the model has, at any moment that is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type LiveQuery, type LiveRecordJson, liveRecordSchema } from '../api/index.ts';
import type { Process } from '../model/index.ts';
import { BacklogPump } from './backlog-pump.ts';
import {
  apply,
  exec,
  exit,
  FakeAgent,
  fork,
  hostIdentity,
  podIdentity,
  streamSettings,
} from './fake-agent.test-helper.ts';
import { LiveProcesses } from './live-processes.ts';
import { StreamClients } from './stream-clients.ts';

/** A client as the documentation tells to write one, on a socket that takes as much as the test says. */
class Client {
  readonly records: LiveRecordJson[] = [];
  readonly held = new Map<string, { pid: number; comm: string; round: number }>();
  #round = 0;
  complete = false;
  open = true;
  writableLength = 0;
  #waiting: { text: string; flushed: () => void }[] = [];

  write(chunk: Buffer | string, flushed: () => void): void {
    const text = chunk.toString();
    this.writableLength += Buffer.byteLength(text);
    this.#waiting.push({ text, flushed });
    if (this.open) setImmediate(() => this.read());
  }

  read(): void {
    for (const { text, flushed } of this.#waiting.splice(0)) {
      this.writableLength -= Buffer.byteLength(text);
      for (const match of text.matchAll(/^data: (.*)$/gm)) this.#take(JSON.parse(match[1]!));
      flushed();
    }
  }

  #take(json: unknown): void {
    const record = liveRecordSchema.parse(json);
    this.records.push(record);
    if (record.type === 'ready' || record.type === 'gap') {
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

function setUp(settings: Partial<typeof streamSettings> = {}) {
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
    const socket = new Client();
    const client = live.add(query, socket);
    await settled(() => socket.complete);
    return { socket, client };
  };
  return { agent, bus, model, live, start, end, change, join };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
async function settled(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    assert.ok(turns < 100_000, 'never');
    await turn();
  }
}

/** A tick, and everybody has read what it sent. */
async function tick(live: LiveProcesses, ...sockets: Client[]): Promise<void> {
  live.tick();
  for (let turns = 0; turns < 5; turns++) await turn();
  await settled(() => sockets.every(({ writableLength }) => writableLength === 0));
}

test('first comes the list as it is, then its end, then what changes', async (t) => {
  const { live, model, start, end, change, join } = setUp();
  t.after(() => live.stop());
  const old = model.add();
  model.add();
  const { socket } = await join();
  assert.deepEqual(
    socket.records.map(({ type }) => type),
    ['ready', 'snapshot', 'snapshot', 'snapshot-end'],
  );
  const fresh = start();
  change(fresh, 'make');
  change(fresh, 'cc');
  end(old);
  await tick(live, socket);
  assert.deepEqual(
    socket.records.slice(4).map(({ type }) => type),
    ['process', 'exit'],
    'however often a process changes, it is one record a tick',
  );
  assert.equal(socket.named('process')[0]!.process.comm, 'cc');
  assert.deepEqual(socket.named('exit')[0]!.state, 'exited');
  assert.equal(socket.named('exit')[0]!.exit_code, 0);
});

test('processes that come and go between two ticks are counted in one record', async (t) => {
  const { live, start, end, join } = setUp();
  t.after(() => live.stop());
  const { socket } = await join({ uid: 7 });
  for (let made = 0; made < 300; made++) end(start({ uid: made % 3 === 0 ? 7 : 0 }));
  await tick(live, socket);
  assert.deepEqual(
    socket.records.slice(2).map(({ type }) => type),
    ['short-lived'],
  );
  assert.equal(socket.named('short-lived')[0]!.count, 100);
});

test('a process that the filter no longer lets through leaves, one that it now does appears', async (t) => {
  const { live, start, change, join } = setUp();
  t.after(() => live.stop());
  const process = start();
  change(process, 'make');
  const { socket } = await join({ comm: 'make' });
  change(process, 'cc');
  await tick(live, socket);
  assert.equal(socket.named('leave')[0]!.pid, process.pid);
  assert.deepEqual(socket.pids, []);
  change(process, 'make');
  await tick(live, socket);
  assert.deepEqual(socket.pids, [process.pid]);
});

test('what no event tells is found: moves, names that come late, ends that were not seen', async (t) => {
  const { live, model, join } = setUp();
  t.after(() => live.stop());
  const moved = model.add();
  const named = model.add({ identity: podIdentity('1234-abcd', 'e'.repeat(64)) });
  const gone = model.add();
  const { socket } = await join();
  moved.identity = { ...hostIdentity, unit: 'cron.service' };
  model.metadata.set(named.identity, { namespace: 'payments', podName: 'api-1' } as never);
  model.live.splice(model.live.indexOf(gone), 1);
  gone.state = 'exit_unseen';
  for (let ticks = 0; ticks < 8; ticks++) await tick(live, socket);
  const changed = socket.named('process').map(({ process }) => process.pid);
  assert.deepEqual(changed.sort(), [moved.pid, named.pid].sort());
  assert.equal(socket.named('exit')[0]!.state, 'exit_unseen');
  const records = socket.records.length;
  for (let ticks = 0; ticks < 16; ticks++) await tick(live, socket);
  assert.equal(socket.records.length, records, 'once');
});

test('an end that was found first and told by its event later is one exit and no short-lived process', async (t) => {
  const { live, model, bus, join } = setUp();
  t.after(() => live.stop());
  const process = model.add();
  const { socket } = await join();
  model.end(process);
  for (let ticks = 0; ticks < 8; ticks++) await tick(live, socket);
  bus.publish([{ ...apply(exit({ pid: process.pid }), 1), process }]);
  await tick(live, socket);
  assert.deepEqual([socket.named('exit').length, socket.named('short-lived').length], [1, 0]);
});

test('a slow client is told of a gap and begins anew, in bounded memory', async (t) => {
  const { live, start, end, join } = setUp({ queueBytes: 40_000 });
  t.after(() => live.stop());
  const processes = Array.from({ length: 50 }, () => start());
  const { socket } = await join();
  const { socket: fast } = await join();
  socket.open = false;
  for (let round = 0; round < 100; round++) {
    end(processes.shift()!);
    for (let made = 0; made < 5; made++) processes.push(start());
    await tick(live, fast);
    assert.ok(socket.writableLength <= 50_000);
  }
  assert.ok(live.stats().lost > 0);
  socket.open = true;
  socket.read();
  await settled(() => socket.named('gap').length > 0 && socket.complete);
  const alive = processes.map(({ pid }) => pid).sort((a, b) => a - b);
  assert.deepEqual(socket.pids, alive);
  assert.deepEqual(fast.pids, alive);
  assert.equal(fast.named('gap').length, 0);
});

test('whatever happens, in whatever order and while a snapshot is sent, the client ends with what there is', async () => {
  const action = fc.record({
    what: fc.constantFrom('start', 'end', 'change', 'tick', 'turn'),
    which: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60 }), fc.nat(40), async (actions, before) => {
      const { live, model, start, end, change } = setUp({ queueBytes: 6_000 });
      for (let made = 0; made < before; made++) model.add();
      const socket = new Client();
      live.add({ comm: 'bash' }, socket);
      for (const { what, which } of actions) {
        const process = model.live[which % Math.max(1, model.live.length)];
        if (what === 'start') start();
        else if (what === 'tick') live.tick();
        else if (what === 'turn') await turn();
        else if (process === undefined) continue;
        else if (what === 'end') end(process);
        else change(process, which % 2 === 0 ? 'bash' : 'cc');
      }
      await tick(live, socket);
      await settled(() => socket.complete && socket.writableLength === 0);
      const expected = model.live.filter(({ image }) => image.comm === 'bash').map(({ pid }) => pid);
      assert.deepEqual(
        socket.pids,
        expected.sort((a, b) => a - b),
      );
      live.stop();
    }),
    { numRuns: 100 },
  );
});

test('without clients nothing is done', async () => {
  const { live, bus, model, join } = setUp();
  model.add();
  const { client } = await join();
  assert.equal(bus.subscribers, 1);
  live.remove(client);
  live.remove(client);
  assert.equal(bus.subscribers, 0);
  assert.equal(live.stats().clients, 0);
});
