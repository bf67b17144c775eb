// A node's agent in a large cluster, and one in a stormy one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeContainer, fakePod, type FakePod } from './kube-objects.fixture.ts';
import { expectedState, inSync, openFake, openSource, sleep, until } from './kube-test.fixture.ts';
import type { FakeKube } from './fake-kube.fixture.ts';
import type { KubeTarget } from './target.ts';

test('of 15,000 pods only the 30 of this node are transferred and known', async (t) => {
  const fake = await openFake(t);
  for (let i = 0; i < 15_000; i++) {
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `web-${i % 700}`, uid: `r${i % 700}` };
    const boss = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'd' };
    fake.cluster.owners.set(`/apis/apps/v1/namespaces/shop/replicasets/${owner.name}`, {
      uid: owner.uid,
      controller: boss,
    });
    fake.cluster.put(fakePod(`p${i}`, { node: `node-${i % 500}`, owner }));
  }
  const { source, sink } = openSource(t, fake);
  await until(() => inSync(fake, sink), 'the pods');
  await until(() => fake.watching === 1, 'the watch');
  const owners = new Set([...sink.pods.keys()].map((uid) => Number(uid.slice(1)) % 700));
  assert.equal(sink.pods.size, 30);
  assert.deepEqual([fake.counters.lists, fake.counters.watches], [1, 1]);
  assert.equal(fake.requests.length, 2 + owners.size);
  assert.equal(source.status().requests, fake.requests.length);
  const ofNode = [...fake.cluster.pods.values()].filter(({ pod }) => pod.node === 'node-1');
  const podBytes = ofNode.reduce((sum, { text }) => sum + text.length, 0);
  assert.ok(
    fake.counters.bytes < podBytes + 200 * (1 + owners.size),
    `${fake.counters.bytes} bytes for ${podBytes}`,
  );

  const before = fake.counters.bytes;
  for (let i = 0; i < 15_000; i++) {
    if (i % 500 !== 1) fake.cluster.put(fakePod(`p${i}`, { node: `node-${i % 500}`, labels: { v: '2' } }));
  }
  await sleep(50);
  assert.equal(fake.counters.bytes, before);
  assert.equal(sink.upserts <= 30, true);
});

/** Mulberry32: the same numbers from the same seed. */
function randomFrom(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number) => Math.floor(next() * bound);
  return {
    below,
    chance: (oneIn: number) => below(oneIn) === 0,
    pick: <T>(items: readonly T[]): T => items[below(items.length)]!,
  };
}

type Random = ReturnType<typeof randomFrom>;

/** One random change of the cluster. */
function change(fake: FakeKube, random: Random, serial: number): void {
  const pods = [...fake.cluster.pods.values()].map(({ pod }) => pod);
  const kind = pods.length < 20 ? 0 : pods.length > 80 ? 9 : random.below(10);
  const pod = kind < 2 ? newPod(fake, random, serial) : random.pick(pods);
  if (kind === 9) fake.cluster.delete(pod.uid);
  else fake.cluster.put(kind < 2 ? pod : changed(pod, kind, random, serial));
}

function changed(pod: FakePod, kind: number, random: Random, serial: number): FakePod {
  if (pod.node === null) return { ...pod, node: random.pick(['node-1', 'node-2']) };
  if (kind < 5)
    return { ...pod, labels: { ...pod.labels, v: `${serial} ${'é😀'.repeat(random.below(20))}` } };
  if (kind < 7) {
    const restarted = random.pick(pod.containers).name;
    const containers = pod.containers.map((container) =>
      container.name === restarted ? { ...container, lives: [...container.lives, `c${serial}`] } : container,
    );
    return { ...pod, containers };
  }
  if (kind === 7) {
    const extra = fakeContainer(`debug${serial}`, random.chance(2) ? [] : [`c${serial}`], 'ephemeral');
    return { ...pod, containers: [...pod.containers.slice(0, 4), extra] };
  }
  return { ...pod, annotations: { seen: `${serial}` } };
}

/** The owners' names tell what the API does: a fault that lasts changes nothing that is expected. */
function newPod(fake: FakeKube, random: Random, serial: number): FakePod {
  const number = random.below(50);
  const name = `web${number}-5d`;
  const boss = { apiVersion: 'apps/v1', kind: 'Deployment', name: `web${number}`, uid: 'd' };
  fake.cluster.owners.set(`/apis/apps/v1/namespaces/shop/replicasets/${name}`, {
    uid: name,
    controller: boss,
  });
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid: name };
  const isStatic = random.chance(10);
  return fakePod(`u${serial}`, {
    node: isStatic ? 'node-1' : random.pick(['node-1', 'node-1', 'node-1', 'node-2', null]),
    staticHash: isStatic ? serial.toString(16).padStart(32, '0') : null,
    labels: { 'pod-template-hash': '5d' },
    owner: random.chance(3) ? null : owner,
    containers: [
      fakeContainer('init', [`c${serial}i`], 'init'),
      fakeContainer('main', random.chance(4) ? [] : [`c${serial}`]),
    ],
  });
}

/** One random fault. */
async function fault(fake: FakeKube, random: Random, account: { valid: string }): Promise<void> {
  switch (random.below(13)) {
    case 0:
      fake.dropWatches();
      return;
    case 1:
      fake.dropWatches('{"type":"MODIFIED","object":{"metadata":{"uid":"u1","resourceVersion":"99999999"');
      return;
    case 2:
      fake.cluster.compact();
      return;
    case 3:
      fake.expireWatches();
      return;
    case 4:
      fake.goneAsEvent = !fake.goneAsEvent;
      fake.bookmark();
      return;
    case 5:
      fake.inject(
        random.pick(['{"type":"ADDED","obj\n', '\u0000\n', '[]\n', '{"type":"ADDED","object":{}}\n', '\n']),
      );
      return;
    case 6:
      fake.endWatches();
      return;
    case 7: {
      account.valid = `token${random.below(1e9)}`;
      fake.tokens = new Set([account.valid]);
      return;
    }
    case 8: {
      const denied = random.pick(['list pods', 'watch pods', 'get replicasets']);
      fake.forbidden.add(denied);
      setTimeout(() => fake.forbidden.delete(denied), 10);
      return;
    }
    case 9: {
      // A connection that is half dead never comes to life again.
      fake.silent = true;
      await sleep(5);
      fake.dropWatches();
      fake.silent = false;
      return;
    }
    case 10:
      fake.pageLimit = random.pick([3, 10, Infinity]);
      fake.listDelayMs = random.below(3);
      return;
    case 11:
      await fake.stop();
      await sleep(3);
      await fake.listen();
      return;
    default:
      fake.faults.push(
        random.pick([
          { kind: 'status', status: 500 },
          { kind: 'status', status: 503 },
          { kind: 'status', status: 401 },
          { kind: 'status', status: 410 },
          { kind: 'status', status: 429, headers: { 'retry-after': '0' } },
          { kind: 'drop' },
          { kind: 'slow', ms: 10 },
          { kind: 'body', body: '{"metadata":' },
        ] as const),
      );
  }
}

test('after 10,000 random changes among all faults the source knows exactly what the server has', async (t) => {
  const seed = (Math.random() * 2 ** 32) >>> 0;
  const random = randomFrom(seed);
  const fake = await openFake(t);
  const account = { valid: 'token' };
  let read = account.valid;
  const plain = fake.target(() => read);
  const target: KubeTarget = {
    ...plain,
    forget: () => {
      read = account.valid;
    },
  };
  const { source, sink } = openSource(t, fake, { target });
  try {
    for (let serial = 1; serial <= 10_000; serial++) {
      change(fake, random, serial);
      if (random.chance(12)) await fault(fake, random, account);
      if (random.chance(6)) await sleep(0);
      if (serial % 500 !== 0) continue;
      fake.faults.length = 0;
      await until(() => inSync(fake, sink), `the state after ${serial} changes`);
    }
    fake.forbidden.clear();
    await until(() => inSync(fake, sink) && source.status().state === 'ok', 'the state at the end');
    assert.equal(source.status().objects, sink.pods.size);
    assert.equal(fake.counters.listsAtOnce, 1);
  } catch (error) {
    assert.deepEqual(sink.state(), expectedState(fake), `seed ${seed}`);
    throw new Error(`${(error as Error).message}; seed ${seed}: ${JSON.stringify(source.status())}`, {
      cause: error,
    });
  }
  t.diagnostic(`${JSON.stringify(source.counters)} ${JSON.stringify(source.status())} ${sink.upserts}`);
});
