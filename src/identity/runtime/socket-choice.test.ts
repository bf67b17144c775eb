// Which of several sockets is asked: of a runtime that is off, left over, empty, or that has this node's pods.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connectCri } from './cri-client.ts';
import { PollingSource, type PollingTimes } from './polling-source.ts';
import { type FakeContainer, type FakeRuntime, openFakeCri, sleep, until } from './runtime.fixture.ts';

const container = (id: string, running = true): FakeContainer => ({
  id,
  podUid: 'u1',
  name: id,
  image: 'api:1',
  running,
  startedAt: '2026-02-03T04:05:06Z',
});

function give(runtime: FakeRuntime, ...containers: FakeContainer[]): void {
  runtime.state.pods = containers.length === 0 ? [] : [{ uid: 'u1', name: 'api', labels: {} }];
  runtime.state.containers = containers;
}

function open(t: TestContext, sockets: readonly string[], times: PollingTimes = {}) {
  const options = { timeoutMs: 1000, intervalMs: 30, ...times };
  const source = new PollingSource(
    {
      name: 'cri',
      sockets,
      connect: (path, onRequest) => connectCri(path, { ...options, onRequest }),
    },
    options,
  );
  let ids: readonly string[] = [];
  t.after(() => source.close());
  source.start({
    replace: (_, _pods, containers) => {
      ids = containers.filter(({ kind }) => kind !== 'sandbox').map(({ id }) => id);
    },
    upsert: () => assert.fail('a polling source replaces'),
    remove: () => assert.fail('a polling source replaces'),
  });
  return { source, ids: () => ids.join(), endpoint: () => source.status().endpoint };
}

test('a runtime that is off, and a socket that nobody listens at, are passed over', async (t) => {
  const [off, left, hangs, used] = Array.from({ length: 4 }, () => openFakeCri(t));
  off!.state.fault = 'no-api';
  hangs!.state.fault = 'hang';
  for (const runtime of [off, hangs, used]) await runtime!.listen();
  mkdirSync(dirname(left!.socket), { recursive: true });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${left!.socket}.tmp`, resolve));
  server.close();
  writeFileSync(left!.socket, '');
  give(used!, container('c1'));
  const sockets = [off, left, hangs, used].map((runtime) => runtime!.socket);
  const { source, ids, endpoint } = open(t, [...sockets, '/nope.sock']);
  await until(() => ids() === 'c1', 'the container');
  assert.deepEqual([endpoint(), source.status().state], [`unix://${used!.socket}`, 'ok']);
});

test('the runtime with running containers is taken, and of two with as many the first', async (t) => {
  const [empty, ended, used, alike] = Array.from({ length: 4 }, () => openFakeCri(t));
  for (const runtime of [empty, ended, used, alike]) await runtime!.listen();
  give(ended!, container('e1', false), container('e2', false));
  give(used!, container('c1'));
  give(alike!, container('d1'));
  const sockets = [empty, ended, used, alike].map((runtime) => runtime!.socket);
  const { ids, endpoint } = open(t, sockets);
  await until(() => ids() === 'c1', 'the container');
  const looks = used!.state.listsMs.length;
  await until(() => used!.state.listsMs.length > looks + 5, 'more looks');
  assert.equal(endpoint(), `unix://${used!.socket}`);
  // While it has containers the others are left in peace.
  assert.ok(alike!.state.listsMs.length <= 2, `${alike!.state.listsMs.length}`);
});

test('a runtime that is empty is left as soon as another has the pods', async (t) => {
  const [first, second] = [openFakeCri(t), openFakeCri(t)];
  await first.listen();
  await second.listen();
  const { ids, endpoint } = open(t, [first.socket, second.socket]);
  await until(() => first.state.listsMs.length > 2, 'looks');
  give(second, container('c1'));
  await until(() => ids() === 'c1', 'the container');
  assert.equal(endpoint(), `unix://${second.socket}`);
  // And back, when the kubelet goes over to the other one.
  give(second);
  give(first, container('c2'));
  await until(() => ids() === 'c2', 'the other container');
});

test('the others are looked at again from time to time although the one in use has containers', async (t) => {
  const [first, second] = [openFakeCri(t), openFakeCri(t)];
  await first.listen();
  await second.listen();
  give(first, container('by-hand'));
  const { ids } = open(t, [first.socket, second.socket], { reconsiderMs: 100 });
  await until(() => ids() === 'by-hand', 'the first');
  give(second, container('c1'), container('c2'));
  await until(() => ids() === 'c1,c2', 'the runtime of the kubelet');
});

test('closing while sockets are chosen among leaves no connection open', async (t) => {
  const fakes = [openFakeCri(t), openFakeCri(t)];
  for (const fake of fakes) {
    fake.state.delayMs = 300;
    await fake.listen();
  }
  const { source, ids } = open(
    t,
    fakes.map(({ socket }) => socket),
  );
  await until(() => fakes.every(({ state }) => state.listsMs.length === 1), 'both are asked');
  await source.close();
  await sleep(400);
  assert.equal(ids(), '');
  assert.deepEqual(
    fakes.map(({ state }) => state.listsMs.length),
    [1, 1],
  );
});

test('when nobody answers the reason is that of the first socket that is there', async (t) => {
  const off = openFakeCri(t);
  off.state.fault = 'no-api';
  await off.listen();
  const { source } = open(t, ['/nope.sock', off.socket, '/neither.sock']);
  await until(() => source.status().state === 'misconfigured', 'the state');
  assert.match(source.status().reason!, /does not speak CRI v1/);
  const nobody = open(t, ['/nope.sock', '/neither.sock']).source;
  await until(() => nobody.status().state === 'unreachable', 'the state');
  assert.match(nobody.status().reason!, /there is no socket at \/nope.sock, \/neither.sock/);
});
