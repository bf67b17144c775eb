// The live list: whoever applies its records has the processes that the model has, at any moment that is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LiveQuery } from '../../api/index.ts';
import type { Process } from '../../model/index.ts';
import { apply, exec, exit, hostIdentity, podIdentity } from '../fake-agent.fixture.ts';
import { LiveListClient, settled, setUp, tick, turn } from './live.fixture.ts';
import type { StreamClient } from '../../http/stream-client.ts';

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

test('what no event tells is found: moves, names that come late, dropped capabilities, ends that were not seen', async (t) => {
  const { live, model, join } = setUp();
  t.after(() => live.stop());
  const moved = model.add();
  const named = model.add({ identity: podIdentity('1234-abcd', 'e'.repeat(64)) });
  const fallen = model.add();
  const gone = model.add();
  const { socket } = await join();
  fallen.capEffective = '0000000000000000';
  moved.identity = { ...hostIdentity, unit: 'cron.service' };
  model.metadata.set(named.identity, { namespace: 'payments', podName: 'api-1' } as never);
  model.live.splice(model.live.indexOf(gone), 1);
  gone.state = 'exit_unseen';
  for (let ticks = 0; ticks < 8; ticks++) await tick(live, socket);
  const changed = socket.named('process').map(({ process }) => process.pid);
  assert.deepEqual(changed.sort(), [moved.pid, named.pid, fallen.pid].sort());
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

test('a process that was taken for ended and runs again is in the list, whatever of it is noticed first', async (t) => {
  for (const ticksBetween of [0, 1, 8]) {
    for (const moved of [false, true]) {
      const { live, model, bus, join } = setUp();
      t.after(() => live.stop());
      const process = model.add({ uid: 7 });
      const { socket } = await join({ uid: 7 });
      model.live.splice(model.live.indexOf(process), 1);
      process.state = 'exit_unseen';
      for (let ticks = 0; ticks < ticksBetween; ticks++) await tick(live, socket);
      const again: Process = { ...process, state: 'running', uid: moved ? 8 : 7 };
      model.live.push(again);
      bus.publish([{ ...apply(exec({ pid: again.pid }), 1), process: again }]);
      for (let ticks = 0; ticks < 16; ticks++) await tick(live, socket);
      assert.deepEqual(socket.pids, moved ? [] : [again.pid], `${ticksBetween} ticks, moved ${moved}`);
      assert.equal(socket.named('short-lived').length, 0);
    }
  }
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
      const socket = new LiveListClient();
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

/** The types of the records since the last `ready`. */
const sinceReady = ({ records }: LiveListClient) =>
  records.slice(records.findLastIndex(({ type }) => type === 'ready') + 1).map(({ type }) => type);
const lastReady = (socket: LiveListClient) => socket.named('ready').at(-1)!;

test('who comes back with an id is given what has changed since, once, and then goes on', async (t) => {
  const { live, start, end, change, join, resume } = setUp();
  t.after(() => live.stop());
  const [first, second] = [start(), start()];
  const { socket, client } = await join();
  await tick(live, socket);
  assert.equal(socket.lastId, 'c0ffee00-0');
  live.remove(client);
  change(first!, 'make');
  end(start());
  live.tick();
  end(second!);
  live.tick();
  const third = start();
  resume(socket);
  await tick(live, socket);
  assert.equal(lastReady(socket).resumed, true);
  assert.deepEqual(sinceReady(socket), ['process', 'short-lived', 'exit', 'process']);
  assert.deepEqual(socket.pids, [first!.pid, third.pid].sort());
  assert.equal(socket.lastId, 'c0ffee00-4');
});

test('a tick of which a part came is sent again whole, and counts nothing twice', async (t) => {
  const { live, start, end, join, resume } = setUp({ queueBytes: 8_000 });
  t.after(() => live.stop());
  const { socket, client } = await join();
  const { socket: steady } = await join();
  socket.open = false;
  for (let made = 0; made < 4; made++) start();
  end(start());
  live.tick();
  const before = socket.lastId;
  socket.break(socket.writableLength - 1);
  live.remove(client);
  assert.ok(socket.named('process').length > 0, 'something came');
  assert.equal(socket.named('short-lived').length, 0);
  assert.equal(socket.lastId, before);
  socket.open = true;
  resume(socket);
  await tick(live, socket, steady);
  assert.deepEqual([socket.pids, socket.named('short-lived').map(({ count }) => count)], [steady.pids, [1]]);
});

test('what is not kept is told as a gap, and a snapshot follows', async (t) => {
  const { live, start, join, resume } = setUp({}, { logBytes: 3_000 });
  t.after(() => live.stop());
  const { socket, client } = await join();
  const from = socket.lastId!;
  live.remove(client);
  const gapOf = async (id: string | undefined, query: LiveQuery = {}) => {
    socket.lastId = id;
    const again = resume(socket, query);
    await settled(() => socket.complete && sinceReady(socket).length > 0);
    await tick(live, socket);
    live.remove(again);
    assert.equal(sinceReady(socket).includes('snapshot-end'), !lastReady(socket).resumed);
    return lastReady(socket).resumed ? 'resumed' : (socket.named('gap').at(-1)?.reason ?? 'none');
  };
  start();
  live.tick();
  assert.equal(await gapOf(from), 'resumed');
  assert.equal(await gapOf('0ddba11a-1'), 'other-run');
  assert.equal(await gapOf('c0ffee00-999'), 'other-run');
  assert.equal(await gapOf('rubbish'), 'other-run');
  assert.equal(await gapOf(from, { uid: 0 }), 'buffer-expired', 'another filter');
  for (let made = 0; made < 10; made++) start();
  live.tick();
  assert.equal(await gapOf(from), 'buffer-expired', 'the log is too small');
  assert.ok(live.stats().logBytes <= 3_000);
});

test('what falls out of the log while a client returns is a gap too', async (t) => {
  const { live, start, join, resume } = setUp({ queueBytes: 8_000 }, { logBytes: 20_000 });
  t.after(() => live.stop());
  const { socket, client } = await join();
  live.remove(client);
  for (let ticks = 0; ticks < 8; ticks++) {
    start();
    start();
    live.tick();
  }
  socket.open = false;
  resume(socket);
  for (let turns = 0; turns < 20; turns++) await turn();
  for (let ticks = 0; ticks < 30; ticks++) {
    start();
    live.tick();
  }
  socket.open = true;
  socket.read();
  await settled(() => socket.named('gap').length > 0 && socket.complete);
  await tick(live, socket);
  assert.equal(socket.named('gap')[0]!.reason, 'buffer-expired');
  assert.equal(socket.pids.length, 46);
});

test('the log ends some time after the last client, and the work with it', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { live, bus, start, join } = setUp({}, { lingerMs: 1000 });
  const { socket, client } = await join();
  start();
  await tick(live, socket);
  assert.ok(live.stats().logBytes > 0);
  live.remove(client);
  t.mock.timers.tick(999);
  assert.equal(bus.subscribers, 1);
  const { client: again } = await join();
  t.mock.timers.tick(5000);
  assert.equal(bus.subscribers, 1, 'a client keeps it');
  live.remove(again);
  t.mock.timers.tick(1000);
  assert.deepEqual([bus.subscribers, live.stats().logBytes], [0, 0]);
});

test('filters that nobody asks for any more are kept in bounded number', async (t) => {
  const { live, start, join, resume } = setUp();
  t.after(() => live.stop());
  const sockets: LiveListClient[] = [];
  for (let uid = 0; uid < 20; uid++) {
    const { socket, client } = await join({ uid });
    live.remove(client);
    sockets.push(socket);
  }
  start();
  live.tick();
  for (const [uid, socket] of sockets.entries()) resume(socket, { uid });
  await tick(live, ...sockets);
  assert.deepEqual(
    sockets.map((socket) => lastReady(socket).resumed),
    sockets.map((_, uid) => uid >= 4),
  );
});

const shortLives = (socket: LiveListClient) =>
  socket.named('short-lived').reduce((sum, { count }) => sum + count, 0);

test('wherever the connection breaks, who comes back ends with what there is, and every short life is told once', async () => {
  const action = fc.record({
    what: fc.constantFrom('start', 'end', 'short', 'tick', 'tick', 'turn', 'break', 'return', 'return'),
    which: fc.nat(5000),
  });
  const actions = fc.array(action, { minLength: 20, maxLength: 100 });
  let resumed = 0;
  let exact = 0;
  const play = async (actions: { what: string; which: number }[], logBytes: number) => {
    const { live, model, start, end, resume } = setUp({ queueBytes: 6_000 }, { logBytes });
    const socket = new LiveListClient();
    const steady = new LiveListClient();
    live.add({}, steady);
    let client: StreamClient | null = resume(socket);
    let anew = 0;
    const comeBack = () => {
      if (socket.lastId === undefined) anew++;
      client = resume(socket);
    };
    for (const { what, which } of actions) {
      const process = model.live[which % Math.max(1, model.live.length)];
      if (what === 'start') start();
      else if (what === 'tick') live.tick();
      else if (what === 'turn') await settled(() => socket.writableLength + steady.writableLength === 0);
      else if (what === 'end' && process !== undefined) end(process);
      else if (what === 'short') end(start());
      else if (what === 'return' && client === null) comeBack();
      else if (what === 'break' && client !== null) {
        socket.break(which);
        live.remove(client);
        client = null;
      }
    }
    if (client === null) comeBack();
    await tick(live, socket, steady);
    await settled(() => socket.complete && steady.complete);
    await tick(live, socket, steady);
    assert.deepEqual(
      socket.pids,
      model.live.map(({ pid }) => pid).sort((a, b) => a - b),
    );
    assert.deepEqual(steady.pids, socket.pids);
    if (anew + socket.named('gap').length + steady.named('gap').length === 0) {
      assert.equal(shortLives(socket), shortLives(steady));
      exact++;
    }
    resumed += socket.named('ready').filter((ready) => ready.resumed).length;
    live.stop();
  };
  const property = fc.asyncProperty(actions, fc.constantFrom(4_000, 1 << 20), play);
  await fc.assert(property, { numRuns: 200 });
  assert.ok(resumed > 100 && exact > 50, `${resumed} resumed, ${exact} without a gap`);
});

test('without clients, and nothing kept for those that come back, nothing is done', async () => {
  const { live, bus, model, join } = setUp({}, { logBytes: 0 });
  model.add();
  const { client } = await join();
  assert.equal(bus.subscribers, 1);
  live.remove(client);
  live.remove(client);
  assert.equal(bus.subscribers, 0);
  assert.equal(live.stats().clients, 0);
});
