import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FakeKube } from '../identity/kube/fake-kube.fixture.ts';
import { NamespaceWatch } from './namespace-watch.ts';
import { ObjectStore } from './object-store.fixture.ts';

const ASKS = { 'sidecar.linnix.io/inject': 'true' };
const ENFORCES = { 'pod-security.kubernetes.io/enforce': 'restricted' };
const LIST = '/api/v1/namespaces';

async function open(t: TestContext) {
  const fake = await new FakeKube().listen();
  const store = new ObjectStore();
  fake.others = store.handle;
  const said: string[] = [];
  const book = new NamespaceWatch({
    target: fake.target(),
    warn: (text) => void said.push(text),
    times: { firstBackoffMs: 2, maxBackoffMs: 20, stableMs: 50 },
  });
  t.after(async () => {
    await book.close();
    await fake.stop();
  });
  return { fake, store, book, said };
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !holds(); ) {
    if (performance.now() > end) throw new Error(`not in time: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('what namespaces say is followed, and known ones cost no request', async (t) => {
  const { store, book } = await open(t);
  store.namespace('shop', ASKS, ENFORCES);
  store.namespace('plain');
  book.start();
  await until(() => book.reason === null && book.size === 2);
  assert.deepEqual(book.lookUp('shop'), {
    known: true,
    facts: { inject: 'true', enforce: 'restricted', uidRange: null },
  });
  assert.deepEqual(book.lookUp('plain'), {
    known: true,
    facts: { inject: null, enforce: null, uidRange: null },
  });
  store.namespace('shop');
  await until(() => JSON.stringify(book.lookUp('shop')).includes('"inject":null'));
  store.namespace('later', ASKS);
  await until(() => book.size === 3);
  store.remove(`${LIST}/later`);
  await until(() => book.size === 2);
  assert.ok(!store.requests.some((request) => request.startsWith(`GET ${LIST}/`)));
});

test('a namespace that the watch has not told yet is asked for, once for all who wait', async (t) => {
  const { store, book } = await open(t);
  store.namespace('new', ASKS);
  const answers = await Promise.all([book.lookUp('new'), book.lookUp('new'), book.lookUp('new')]);
  for (const answer of answers)
    assert.deepEqual(answer, { known: true, facts: { inject: 'true', enforce: null, uidRange: null } });
  assert.deepEqual(store.requests, [`GET ${LIST}/new`]);
  const missing = await book.lookUp('missing');
  assert.ok(!missing.known);
  assert.ok((await book.lookUp('other')).known === false);
  assert.deepEqual(store.requests.length, 3, 'one that is gone does not keep others from being asked for');
});

test('a server that hangs costs one review a second, and others nothing', async (t) => {
  const { fake, book, store } = await open(t);
  fake.faults.push({ kind: 'hang' });
  const began = performance.now();
  const answer = await book.lookUp('shop');
  assert.ok(!answer.known);
  assert.ok(performance.now() - began < 1700);
  const next = book.lookUp('shop');
  assert.ok(!(next instanceof Promise) && !next.known);
  assert.equal(store.requests.length, 0);
});

test('a permission that is missing is said once and named; what was known stays known', async (t) => {
  const { store, book, said } = await open(t);
  store.namespace('shop', ASKS);
  book.start();
  await until(() => store.watching === 1 && book.size === 1);
  store.forbidden.add(`GET ${LIST}`);
  store.forbidden.add(`GET ${LIST}/new`);
  const answer = await book.lookUp('new');
  assert.ok(!answer.known && /forbids to get namespaces/.test(answer.reason));
  assert.deepEqual(book.lookUp('shop'), {
    known: true,
    facts: { inject: 'true', enforce: null, uidRange: null },
  });
  const other = await open(t);
  other.store.forbidden.add(`GET ${LIST}`);
  other.book.start();
  await until(() => other.store.requests.length > 3);
  assert.match(other.book.reason!, /forbids to list namespaces/);
  assert.equal(other.said.length, 1);
  other.store.forbidden.clear();
  await until(() => other.book.reason === null);
  assert.deepEqual(said, []);
});
