// The source against a server that behaves and misbehaves like the real one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeContainer, fakePod, podJson } from './kube-objects.fixture.ts';
import { expectedState, inSync, openFake, openSource, sleep, until } from './kube-test.fixture.ts';
import { KUBE_TIMES } from './times.ts';

const HASH = '0123456789abcdef0123456789abcdef';

test('pods of the node are told after one list, then each change by one watch', async (t) => {
  const fake = await openFake(t);
  fake.cluster.put(fakePod('a'));
  fake.cluster.put(fakePod('other', { node: 'node-2' }));
  const { source, sink } = openSource(t, fake);
  await until(() => sink.pods.size === 1 && fake.watching === 1, 'the first pod');
  fake.cluster.put(fakePod('b', { node: null }));
  fake.cluster.put(fakePod('b'));
  fake.cluster.put(fakePod('other', { node: 'node-2', labels: { v: '2' } }));
  fake.cluster.put(fakePod('a', { labels: { v: '2' } }));
  await until(() => sink.pods.get('a')?.labels.v === '2', 'the change');
  assert.deepEqual(sink.state(), expectedState(fake));
  fake.cluster.delete('a');
  await until(() => sink.pods.size === 1, 'the end of the pod');
  assert.deepEqual([fake.counters.lists, fake.counters.watches, sink.replaces], [1, 1, 1]);
  const { endpoint, state, reason, objects, requests, failures, lastSuccess } = source.status();
  assert.deepEqual([endpoint, state, reason, objects, requests, failures], [fake.url, 'ok', null, 1, 2, 0]);
  assert.ok(Date.parse(lastSuccess!) > Date.now() - 60_000);
});

test('the list is paged and from the cache, the watch asks for bookmarks and an end at a random time', async (t) => {
  const fake = await openFake(t);
  fake.cluster.put(fakePod('a'));
  const { sink } = openSource(t, fake);
  await until(() => sink.pods.size === 1 && fake.watching === 1, 'the first pod');
  const [list, watch] = fake.requests.map(({ searchParams }) => Object.fromEntries(searchParams));
  const selector = { fieldSelector: 'spec.nodeName=node-1' };
  assert.deepEqual(list, { ...selector, limit: '500', resourceVersion: '0' });
  const { timeoutSeconds, ...rest } = watch!;
  const version = String(fake.cluster.version);
  assert.deepEqual(rest, {
    ...selector,
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: version,
  });
  assert.ok(Number(timeoutSeconds) >= 240 && Number(timeoutSeconds) <= 480, `${timeoutSeconds} s`);
});

test('a list of several pages is one list', async (t) => {
  const fake = await openFake(t);
  fake.pageLimit = 3;
  for (let i = 0; i < 10; i++) fake.cluster.put(fakePod(`p${i}`));
  const { sink } = openSource(t, fake);
  await until(() => inSync(fake, sink), 'all pods');
  assert.deepEqual([fake.counters.lists, fake.counters.pages, sink.replaces], [1, 4, 1]);
});

test('a list that expires between its pages is asked for anew without pages', async (t) => {
  const fake = await openFake(t);
  fake.pageLimit = 3;
  fake.listDelayMs = 10;
  for (let i = 0; i < 10; i++) fake.cluster.put(fakePod(`p${i}`));
  const { sink } = openSource(t, fake);
  await until(() => fake.counters.pages === 2, 'the second page');
  fake.cluster.compact();
  fake.pageLimit = Infinity;
  await until(() => inSync(fake, sink), 'all pods');
  const last = fake.requests.findLast(({ searchParams }) => !searchParams.has('watch'))!;
  assert.deepEqual(
    [last.searchParams.has('limit'), last.searchParams.has('resourceVersion')],
    [false, false],
  );
  assert.equal(fake.counters.lists, 2);
});

test('a dropped socket, in the middle of a line too, is resumed without a list', async (t) => {
  const fake = await openFake(t);
  const { sink, source } = openSource(t, fake);
  for (let round = 0; round < 10; round++) {
    await until(() => fake.watching === 1, 'the watch');
    fake.cluster.put(fakePod('a', { labels: { round: `${round}` } }));
    fake.dropWatches(round % 2 === 0 ? '' : '{"type":"MODIFIED","object":{"metadata":{"uid":"a","na');
    fake.cluster.put(fakePod(`p${round}`));
    await until(() => inSync(fake, sink), `round ${round}`);
  }
  assert.equal(fake.counters.lists, 1);
  assert.equal(source.status().state, 'ok');
  assert.ok(source.status().failures >= 10);
});

test('a bookmark moves the version on: after a compaction the watch resumes without a list', async (t) => {
  const fake = await openFake(t);
  fake.cluster.put(fakePod('a'));
  const { sink } = openSource(t, fake);
  await until(() => fake.watching === 1, 'the watch');
  for (let i = 0; i < 5; i++) fake.cluster.put(fakePod('other', { node: 'node-2', labels: { i: `${i}` } }));
  fake.bookmark();
  fake.cluster.compact();
  await sleep(20);
  fake.endWatches();
  fake.cluster.put(fakePod('b'));
  await until(() => inSync(fake, sink), 'the new pod');
  assert.equal(fake.counters.lists, 1);
  assert.ok(fake.counters.watches >= 2);
});

for (const [how, goneAsEvent] of [
  ['as a status', false],
  ['as an event', true],
] as const) {
  test(`a version that is gone, told ${how}, costs one list, and what was missed is gone`, async (t) => {
    const fake = await openFake(t);
    fake.goneAsEvent = goneAsEvent;
    fake.cluster.put(fakePod('a'));
    fake.cluster.put(fakePod('b'));
    const { sink } = openSource(t, fake);
    await until(() => fake.watching === 1, 'the watch');
    fake.dropWatches();
    fake.cluster.delete('a');
    fake.cluster.compact();
    await until(() => inSync(fake, sink), 'the state after it');
    assert.deepEqual([fake.counters.lists, sink.replaces], [2, 2]);
  });
}

test('a version that is gone after an outage is listed soon, one that is always gone after longer and longer', async (t) => {
  const fake = await openFake(t);
  fake.goneAsEvent = true;
  fake.cluster.put(fakePod('a'));
  const { source, sink } = openSource(t, fake, { times: { firstBackoffMs: 20, maxBackoffMs: 800 } });
  await until(() => fake.watching === 1, 'the watch');
  for (let i = 0; i < 4; i++) fake.faults.push({ kind: 'status', status: 503 });
  fake.dropWatches();
  fake.cluster.put(fakePod('b'));
  fake.cluster.compact();
  await until(() => source.counters.watches === 6, 'the watch that is refused');
  const refusedMs = performance.now();
  await until(() => inSync(fake, sink), 'the list');
  // A sixth pause would last 320 ms at least.
  assert.ok(performance.now() - refusedMs < 200, `${performance.now() - refusedMs} ms`);

  const { lists } = fake.counters;
  for (const end = performance.now() + 600; performance.now() < end; await sleep(1)) {
    fake.cluster.version++;
    fake.cluster.compact();
    fake.expireWatches();
  }
  assert.ok(fake.counters.lists - lists < 10, `${fake.counters.lists - lists} lists`);
});

test('watchers that are told to be too far behind list again', async (t) => {
  const fake = await openFake(t);
  fake.cluster.put(fakePod('a'));
  const { sink } = openSource(t, fake);
  for (let round = 2; round < 6; round++) {
    await until(() => fake.watching === 1, 'the watch');
    fake.expireWatches();
    await until(() => sink.replaces === round, 'a list');
  }
  assert.equal(fake.counters.listsAtOnce, 1);
});

test('a line that is no event is counted and the watch begun again; twice in a row it is a list', async (t) => {
  const fake = await openFake(t);
  const { source, sink } = openSource(t, fake);
  await until(() => fake.watching === 1, 'the watch');
  fake.inject('{"type":"ADDED","obj\n');
  await until(() => fake.counters.watches === 2 && fake.watching === 1, 'the second watch');
  assert.deepEqual([source.counters.brokenLines, fake.counters.lists], [1, 1]);
  fake.inject('[]\n');
  await until(() => fake.counters.lists === 2, 'a list');
  await until(() => fake.watching === 1, 'the third watch');
  fake.cluster.put(fakePod('a'));
  await until(() => inSync(fake, sink), 'the pod');
});

test('a line without an end is given up within a bound', async (t) => {
  const fake = await openFake(t);
  const { source, sink } = openSource(t, fake);
  await until(() => fake.watching === 1, 'the watch');
  fake.inject('x'.repeat(9 * 1024 * 1024));
  await until(() => source.counters.brokenLines === 1 && fake.watching === 1, 'the next watch');
  fake.cluster.put(fakePod('a'));
  await until(() => inSync(fake, sink), 'the pod');
});

test('a connection that says nothing any more is noticed', async (t) => {
  const fake = await openFake(t);
  const { sink } = openSource(t, fake, { times: { watchIdleMs: 100 } });
  await until(() => fake.watching === 1, 'the watch');
  fake.silent = true;
  fake.cluster.put(fakePod('a'));
  await sleep(50);
  fake.silent = false;
  await until(() => inSync(fake, sink), 'the pod');
  assert.equal(fake.counters.lists, 1);
});

test('a server that never answers is given up, and asked again', async (t) => {
  const fake = await openFake(t);
  fake.cluster.put(fakePod('a'));
  fake.faults.push({ kind: 'hang' });
  const { source, sink } = openSource(t, fake, {
    times: { connectMs: 50, answerIdleMs: 50, firstBackoffMs: 200, maxBackoffMs: 200 },
  });
  await until(() => source.status().state === 'unreachable', 'the failure');
  assert.match(source.status().reason!, /does not answer: no answer in 100 ms; it is tried again by itself/);
  await until(() => inSync(fake, sink), 'the pod');
});

test('a slow list is one list', async (t) => {
  const fake = await openFake(t);
  fake.cluster.put(fakePod('a'));
  fake.listDelayMs = 300;
  const { sink, source } = openSource(t, fake);
  await until(() => inSync(fake, sink), 'the pod');
  assert.deepEqual([fake.counters.lists, source.status().failures], [1, 0]);
});

test('a server that is down for an hour, in a thousandth of the time, is asked all along and found at once', async (t) => {
  const fake = await openFake(t);
  fake.cluster.put(fakePod('a'));
  fake.cluster.put(fakePod('b'));
  const { firstBackoffMs, maxBackoffMs, stableMs } = KUBE_TIMES;
  const times = {
    firstBackoffMs: firstBackoffMs / 1000,
    maxBackoffMs: maxBackoffMs / 1000,
    stableMs: stableMs / 1000,
  };
  const { source, sink } = openSource(t, fake, { times });
  await until(() => inSync(fake, sink) && fake.watching === 1, 'the pods');
  const told = JSON.stringify(sink.state());
  await fake.stop();
  const { failures } = source.status();
  await sleep(3600);
  assert.equal(source.status().state, 'unreachable');
  assert.equal(JSON.stringify(sink.state()), told, 'what was known stays known');
  // A try every 15 to 30 s makes 120 to 240; timers of a busy machine are late.
  const tries = source.status().failures - failures;
  assert.ok(tries >= 20 && tries <= 260, `${tries} tries`);
  fake.cluster.delete('a');
  fake.cluster.put(fakePod('c'));
  fake.cluster.compact();
  await fake.listen();
  await until(() => inSync(fake, sink) && source.status().state === 'ok', 'what happened meanwhile');
});

test('a server that is down at the start, and later again, is found without a restart', async (t) => {
  const fake = await openFake(t);
  fake.cluster.put(fakePod('a'));
  await fake.stop();
  const { source, sink } = openSource(t, fake);
  assert.equal(source.status().state, 'starting');
  for (let round = 0; round < 2; round++) {
    await until(() => source.status().state === 'unreachable', 'the failure');
    assert.equal(
      source.status().reason,
      `${fake.url} does not answer: connection refused; it is tried again by itself`,
    );
    fake.cluster.put(fakePod('a', { labels: { round: `${round}` } }));
    await fake.listen();
    await until(() => inSync(fake, sink) && source.status().state === 'ok', 'the pod');
    assert.equal(source.status().reason, null);
    await until(() => fake.watching === 1, 'the watch');
    await fake.stop();
  }
});

test('what the server refuses for a while makes pauses, not requests', async (t) => {
  const fake = await openFake(t);
  for (let i = 0; i < 1000; i++) fake.faults.push({ kind: 'status', status: i % 2 === 0 ? 500 : 503 });
  const { source } = openSource(t, fake, { times: { firstBackoffMs: 10, maxBackoffMs: 100 } });
  await sleep(500);
  assert.equal(source.status().state, 'unreachable');
  assert.match(source.status().reason!, /fails to list pods: status 50[03]: a fault of the test/);
  assert.ok(fake.requests.length >= 4 && fake.requests.length < 25, `${fake.requests.length} requests`);
});

test('a server that asks to be left alone for a second is', async (t) => {
  const fake = await openFake(t);
  fake.faults.push({ kind: 'status', status: 429, headers: { 'retry-after': '1' } });
  const { sink } = openSource(t, fake);
  await sleep(800);
  assert.equal(fake.requests.length, 1);
  await until(() => sink.replaces === 1, 'the list');
});

test('a watch that ends at once again and again makes pauses', async (t) => {
  const fake = await openFake(t);
  openSource(t, fake, { times: { firstBackoffMs: 10, maxBackoffMs: 100, stableMs: 10_000 } });
  for (const end = performance.now() + 400; performance.now() < end; await sleep(2)) fake.endWatches();
  assert.ok(fake.counters.watches >= 3 && fake.counters.watches < 25, `${fake.counters.watches} watches`);
  assert.equal(fake.counters.lists, 1);
});

for (const verb of ['list', 'watch']) {
  test(`without the permission to ${verb} the reason says how to get it, and later nothing is left of it`, async (t) => {
    const fake = await openFake(t);
    fake.cluster.put(fakePod('a'));
    fake.forbidden.add(`${verb} pods`);
    const { source, sink } = openSource(t, fake);
    await until(() => source.status().state === 'no-permission', 'the failure');
    const { reason } = source.status();
    assert.match(reason!, new RegExp(`forbids to ${verb} pods: .*cannot ${verb} resource "pods"`));
    assert.match(reason!, new RegExp(`ClusterRole with the verb ${verb} on pods`));
    fake.forbidden.clear();
    await until(() => inSync(fake, sink) && source.status().state === 'ok', 'the pod');
    assert.equal(source.status().reason, null);
  });
}

test('a node name that no pod has is said in the status and once to a person', async (t) => {
  const fake = await openFake(t);
  fake.cluster.put(fakePod('a'));
  const { source, sink, warnings } = openSource(t, fake, { nodeName: 'nodE-1 &watch=x' });
  await until(() => fake.watching === 1, 'the watch');
  const text = 'no pod has spec.nodeName=nodE-1 &watch=x: is the node name right?';
  assert.deepEqual([source.status().state, source.status().reason, warnings], ['ok', text, [text]]);
  fake.expireWatches();
  await until(() => sink.replaces === 2 && fake.watching === 1, 'another list');
  assert.equal(warnings.length, 1);
  fake.cluster.put(fakePod('b', { node: 'nodE-1 &watch=x' }));
  await until(() => source.status().reason === null, 'a pod');
});

test('something else than a Kubernetes API is said to be that', async (t) => {
  const fake = await openFake(t);
  for (const body of ['<html>', '{}', '[]', 'null', '{"metadata":{"resourceVersion":"1"},"items":3}']) {
    fake.faults.push({ kind: 'body', body });
  }
  fake.faults.push({ kind: 'status', status: 404 });
  const reasons = new Set<string>();
  const { source, sink } = openSource(t, fake, { times: { firstBackoffMs: 50, maxBackoffMs: 50 } });
  await until(() => {
    if (source.status().state === 'misconfigured') reasons.add(source.status().reason!);
    return sink.replaces === 1;
  }, 'the list at last');
  assert.ok(
    [...reasons].some((reason) => /gives no list of pods/.test(reason)),
    [...reasons].join('\n'),
  );
});

test('changes that change nothing of interest are not told', async (t) => {
  const fake = await openFake(t);
  fake.cluster.put(fakePod('a'));
  const { sink } = openSource(t, fake);
  await until(() => fake.watching === 1, 'the watch');
  for (let i = 0; i < 5; i++) fake.cluster.put(fakePod('a', { annotations: { i: `${i}` } }));
  fake.cluster.put(fakePod('b'));
  await until(() => sink.pods.size === 2, 'the other pod');
  assert.equal(sink.upserts, 1);
});

test('a static pod that is entered anew in the API, with the same manifest, stays', async (t) => {
  const fake = await openFake(t);
  fake.cluster.put(fakePod('m1', { name: 'etcd', staticHash: HASH }));
  const { sink } = openSource(t, fake);
  await until(() => sink.pods.has(HASH), 'the pod');
  fake.cluster.put(fakePod('m2', { name: 'etcd', staticHash: HASH, labels: { entry: '2' } }));
  fake.cluster.delete('m1');
  fake.cluster.put(fakePod('b'));
  await until(() => sink.pods.has('b'), 'the other pod');
  assert.deepEqual([sink.removes, sink.pods.get(HASH)!.labels], [0, { entry: '2' }]);
  fake.cluster.delete('m2');
  await until(() => !sink.pods.has(HASH), 'its end');
});

/** All that whoever may create pods can write, with the uid of another pod as the hash. */
const liar = (uid: string, hash: string, more: Parameters<typeof fakePod>[1] = {}) =>
  fakePod(uid, {
    name: 'liar',
    staticHash: hash,
    containers: [fakeContainer('main', [])],
    metadata: { creationTimestamp: '2026-02-02T00:00:00Z' },
    ...more,
  });

for (const when of ['before', 'after'] as const)
  test(`a pod that comes ${when} another and claims its uid takes nothing of it`, async (t) => {
    const fake = await openFake(t);
    // A uid that the API gave, in a form that a hash has too, and a static pod.
    const victims = [
      fakePod('f'.repeat(32), { name: 'victim' }),
      fakePod('m', {
        name: 'etcd',
        staticHash: HASH,
        metadata: { creationTimestamp: '2026-01-01T00:00:00Z' },
      }),
    ];
    const liars = [liar('1', 'f'.repeat(32)), liar('2', HASH)];
    const names = () => [...sink.pods].map(([uid, { name }]) => `${uid} ${name}`).sort();
    const expected = [`${HASH} etcd`, `${'f'.repeat(32)} victim`];
    for (const pod of when === 'before' ? liars : victims) fake.cluster.put(pod);
    const { sink, source } = openSource(t, fake);
    await until(() => sink.replaces === 1 && fake.watching === 1, 'the list');
    for (const pod of when === 'before' ? victims : liars) fake.cluster.put(pod);
    fake.cluster.put(fakePod('last'));
    await until(() => sink.pods.has('last'), 'the last pod');
    assert.deepEqual(names(), [...expected, 'last pod-last'].sort());
    // A liar that changes, goes, comes again: also in a list.
    for (const pod of liars) fake.cluster.put({ ...pod, labels: { v: '2' } });
    fake.expireWatches();
    await until(() => sink.replaces === 2 && fake.watching === 1, 'another list');
    assert.deepEqual(names(), [...expected, 'last pod-last'].sort());
    assert.equal(sink.containers.get('m-main-0')!.podUid, HASH);
    for (const { uid } of [...liars, fakePod('last')]) fake.cluster.delete(uid);
    await until(() => sink.pods.size === 2, 'the end of the last pod');
    assert.deepEqual(names(), expected);
    assert.equal(source.status().objects, 2);
  });

test('a liar that nobody contradicts is believed until the true pod comes, and not again when that goes', async (t) => {
  const fake = await openFake(t);
  const { sink } = openSource(t, fake);
  await until(() => fake.watching === 1, 'the watch');
  fake.cluster.put(liar('1', HASH));
  await until(() => sink.pods.has(HASH), 'the liar');
  fake.cluster.put(fakePod('m', { name: 'etcd', staticHash: HASH }));
  await until(() => sink.pods.get(HASH)?.name === 'etcd', 'the truth');
  fake.cluster.delete('m');
  await until(() => sink.pods.size === 0, 'the end of the pod');
  fake.cluster.put(liar('1', HASH, { labels: { v: '2' } }));
  fake.expireWatches();
  await until(() => sink.replaces === 2 && fake.watching === 1, 'another list');
  assert.deepEqual([sink.pods.size, sink.removes], [0, 1]);
});

test('after close nothing is told, asked or left open, at whatever moment', async (t) => {
  const fake = await openFake(t);
  fake.cluster.put(fakePod('a', { containers: [fakeContainer('main', ['x'])] }));
  for (let moment = 0; moment < 40; moment++) {
    const { source, sink } = openSource(t, fake);
    await sleep(moment / 4);
    await Promise.all([source.close(), source.close()]);
    const before = [sink.replaces, sink.upserts, source.status().requests];
    fake.inject(`{"type":"ADDED","object":${JSON.stringify(podJson(fakePod('late'), 9999))}}\n`);
    await sleep(2);
    assert.deepEqual([sink.replaces, sink.upserts, source.status().requests], before);
    assert.equal(sink.pods.has('late'), false);
  }
  await until(() => fake.watching === 0, 'no watch');
});

test('a source that was closed before its start does nothing', async (t) => {
  const fake = await openFake(t);
  const { source } = openSource(t, fake, {});
  await source.close();
  source.start({ replace: assert.fail, upsert: assert.fail, remove: assert.fail });
  source.hint();
  await source.close();
});
