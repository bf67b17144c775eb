// What every runtime's source must do, whatever its protocol.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ContainerFacts, MetadataSource, PodFacts } from '../metadata/index.ts';
import type { PollingTimes } from './polling-source.ts';
import { type FakeContainer, type FakeRuntime, type OpenFake, sleep, until } from './runtime.fixture.ts';
import type { SelectionOptions } from '../metadata/index.ts';

export type MakeSource = (
  options: SelectionOptions & PollingTimes & { readonly socket: string },
) => MetadataSource;

interface Told {
  readonly pods: readonly PodFacts[];
  readonly containers: readonly ContainerFacts[];
  readonly atMs: number;
}

const POD = { uid: 'u1', name: 'api-1', labels: { app: 'api' } };
const MAIN = makeContainer(0);
/** No look of its own within a test. */
const NEVER_MS = 600_000;

function makeContainer(index: number): FakeContainer {
  const [name, image] = [`main-${index}`, `api:${index}`];
  return { id: `c${index}`, podUid: 'u1', name, image, running: true, startedAt: '2026-02-03T04:05:06.789Z' };
}

export function runtimeContract(protocol: string, openFake: OpenFake, makeSource: MakeSource): void {
  const contract = (name: string, run: (t: TestContext, fake: FakeRuntime) => Promise<void>) =>
    test(`${protocol}: ${name}`, { timeout: 60_000 }, (t) => run(t, openFake(t)));

  function open(t: TestContext, { socket }: FakeRuntime, options: SelectionOptions & PollingTimes = {}) {
    const source = makeSource({ socket, intervalMs: 50, timeoutMs: 2000, ...options });
    const told: Told[] = [];
    t.after(() => source.close());
    source.start({
      replace: (_, pods, containers) => told.push({ pods, containers, atMs: performance.now() }),
      upsert: () => assert.fail('a polling source replaces'),
      remove: () => assert.fail('a polling source replaces'),
    });
    const named = (id: string) => told.at(-1)?.containers.find((container) => container.id === id);
    return { source, told, named };
  }

  contract('pods, sandboxes and containers are told with all that is known', async (t, fake) => {
    fake.state.pods = [POD];
    fake.state.containers = [MAIN];
    await fake.listen();
    const { source, told, named } = open(t, fake, { labels: ['app'] });
    await until(() => named('c0')?.startedAt != null, 'the start of the container');
    const [pod] = told.at(-1)!.pods;
    assert.deepEqual([pod!.uid, pod!.namespace, pod!.name], ['u1', 'shop', 'api-1']);
    assert.deepEqual({ ...pod!.labels }, { app: 'api' });
    assert.deepEqual(named('c0'), {
      id: 'c0',
      podUid: 'u1',
      name: 'main-0',
      kind: 'app',
      image: 'api:0',
      imageId: 'sha256:api:0',
      startedAt: MAIN.startedAt,
      restartCount: 3,
    });
    assert.equal(named('sandbox-of-u1')!.kind, 'sandbox');
    const { state, reason, objects } = source.status();
    assert.deepEqual([state, reason, objects], ['ok', null, 1]);
  });

  contract(
    'an image that the list tells by its id alone gets the name that the runtime knows',
    async (t, fake) => {
      fake.state.pods = [POD];
      fake.state.containers = [{ ...MAIN, listedById: true }];
      await fake.listen();
      const { named } = open(t, fake);
      await until(() => named('c0')?.startedAt != null, 'the details of the container');
      assert.equal(named('c0')!.image, 'api:0');
    },
  );

  contract('labels that are not allowed are left out, those of the kubelet always', async (t, fake) => {
    fake.state.pods = [{ ...POD, labels: { app: 'api', secret: 'x', 'io.kubernetes.odd': 'x' } }];
    await fake.listen();
    const { told } = open(t, fake, { labels: ['ap*', 'io.*'] });
    await until(() => told.length > 0, 'a first look');
    assert.deepEqual(Object.keys(told[0]!.pods[0]!.labels), ['app']);
  });

  contract('what did not change is told once, in whatever order the runtime lists it', async (t, fake) => {
    fake.state.pods = [POD];
    fake.state.containers = Array.from({ length: 20 }, (_, index) => ({
      ...makeContainer(index),
      running: false,
    }));
    await fake.listen();
    const { told } = open(t, fake);
    await until(() => fake.state.listsMs.length > 8, 'several looks');
    assert.equal(told.length, 1);
  });

  contract('a start is asked for once, and not of containers that ended', async (t, fake) => {
    fake.state.pods = [POD];
    fake.state.containers = [MAIN, { ...makeContainer(1), running: false }];
    await fake.listen();
    const { named } = open(t, fake);
    await until(() => fake.state.listsMs.length > 5, 'several looks');
    assert.deepEqual(fake.state.startsAsked, ['c0']);
    assert.equal(named('c1')!.name, 'main-1');
    assert.equal(named('c1')!.startedAt, null);
  });

  contract('a runtime that hangs when asked for starts still gives names', async (t, fake) => {
    fake.state.pods = [POD];
    fake.state.containers = [MAIN];
    fake.state.fault = 'no-starts';
    await fake.listen();
    const { source, named } = open(t, fake, { timeoutMs: 200 });
    await until(() => source.status().failures === 3, 'three attempts');
    await until(() => fake.state.listsMs.length > 8, 'looks go on');
    assert.equal(source.status().state, 'ok');
    assert.equal(named('c0')!.name, 'main-0');
    assert.deepEqual(fake.state.startsAsked, ['c0', 'c0', 'c0']);
  });

  contract('a hint brings a look soon, and the least pause after it is kept', async (t, fake) => {
    await fake.listen();
    const { source, told } = open(t, fake, { intervalMs: NEVER_MS });
    await until(() => source.status().state === 'ok', 'a first look');
    await sleep(300);
    fake.state.pods = [POD];
    const hintedMs = performance.now();
    for (; performance.now() - hintedMs < 2000; await sleep(5)) source.hint();
    const firstMs = told[1]!.atMs - hintedMs;
    assert.ok(firstMs >= 99 && firstMs < 1000, `told ${firstMs} ms after the hint`);
    const lists = fake.state.listsMs.filter((atMs) => atMs > hintedMs);
    assert.ok(lists.length >= 4 && lists.length <= 11, `${lists.length} looks in 2 s`);
  });

  contract('a hint during a look makes another one after it', async (t, fake) => {
    fake.state.delayMs = 300;
    await fake.listen();
    const { source } = open(t, fake, { intervalMs: NEVER_MS });
    await until(() => fake.state.listsMs.length === 1, 'the look has begun');
    source.hint();
    await until(() => fake.state.listsMs.length === 2, 'the look after it', 5000);
  });

  contract('a socket that is missing at first is found when it appears', async (t, fake) => {
    fake.state.pods = [POD];
    const { source, told } = open(t, fake);
    await until(() => source.status().state === 'unreachable', 'the gap is seen');
    assert.match(source.status().reason!, /no such socket/);
    await fake.listen();
    await until(() => told.length === 1, 'the runtime is found');
    assert.equal(source.status().state, 'ok');
  });

  contract('a runtime that restarts is found again, and what is gone is gone', async (t, fake) => {
    fake.state.pods = [POD];
    await fake.listen();
    const { source, told } = open(t, fake);
    await until(() => told.length === 1, 'a first look');
    await fake.stop();
    await until(() => source.status().state === 'unreachable', 'the loss is seen');
    assert.equal(told.length, 1, 'a loss takes no names away');
    fake.state.pods = [];
    await fake.listen();
    await until(() => told.length === 2, 'the runtime is found again');
    assert.deepEqual([told[1]!.pods, told[1]!.containers], [[], []]);
    assert.equal(source.status().state, 'ok');
  });

  contract('an answer that does not come is given up, and the reason says so', async (t, fake) => {
    fake.state.fault = 'hang';
    await fake.listen();
    const { source } = open(t, fake, { timeoutMs: 300 });
    await until(() => source.status().state === 'unreachable', 'the limit');
    assert.match(source.status().reason!, /took more than 300 ms/);
    fake.state.fault = null;
    await until(() => source.status().state === 'ok', 'the runtime answers again');
  });

  contract('something else at the socket is a misconfiguration that says so', async (t, fake) => {
    fake.state.fault = 'no-api';
    await fake.listen();
    const { source } = open(t, fake);
    await until(() => source.status().state === 'misconfigured', 'the state');
    assert.match(source.status().reason!, /does not speak/);
  });

  contract('500 containers are named at once and all get their start', async (t, fake) => {
    fake.state.pods = Array.from({ length: 50 }, (_, index) => ({ ...POD, uid: `u${index}` }));
    fake.state.containers = Array.from({ length: 500 }, (_, index) => ({
      ...makeContainer(index),
      podUid: `u${index % 50}`,
    }));
    await fake.listen();
    const { told } = open(t, fake, { intervalMs: NEVER_MS });
    await until(() => told.length > 0, 'a first look');
    assert.equal(told[0]!.containers.filter(({ name }) => name !== null).length, 500);
    await until(
      () => told.at(-1)!.containers.every((one) => one.kind === 'sandbox' || one.startedAt !== null),
      'starts',
    );
    assert.equal(fake.state.startsAsked.length, 500);
  });

  contract('after close nothing reaches the sink, even from a look under way', async (t, fake) => {
    fake.state.pods = [POD];
    fake.state.delayMs = 500;
    await fake.listen();
    const { source, told } = open(t, fake);
    await until(() => fake.state.listsMs.length === 1, 'the look has begun');
    const closedMs = performance.now();
    await source.close();
    await source.close();
    assert.ok(performance.now() - closedMs < 400, 'close does not wait for the answer');
    source.hint();
    await sleep(800);
    assert.deepEqual(told, []);
    assert.equal(fake.state.listsMs.length, 1);
  });
}
