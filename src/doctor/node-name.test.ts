import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FakeKube } from '../identity/kube/fake-kube.fixture.ts';
import { judgeNodeName } from './node-name.ts';
import { fakePod } from '../identity/kube/kube-objects.fixture.ts';

const FACTS = { name: 'node-a', bootId: 'boot-1', containers: 4 };

interface Api {
  /** Boot ids by the names of nodes; null where the account may not read nodes. */
  readonly nodes: Readonly<Record<string, string>> | null;
}

async function api(t: TestContext, { nodes }: Api): Promise<FakeKube> {
  const fake = await new FakeKube().listen();
  t.after(() => fake.stop());
  fake.others = (_request, response, url) => {
    const name = /^\/api\/v1\/nodes\/(.+)$/.exec(url.pathname)?.[1];
    if (name === undefined) return false;
    const bootID = nodes?.[decodeURIComponent(name)];
    const code = nodes === null ? 403 : bootID === undefined ? 404 : 200;
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ metadata: { name }, status: { nodeInfo: { bootID } } }));
    return true;
  };
  return fake;
}

const judge = async (fake: FakeKube, facts = {}) => {
  const { result, reason } = await judgeNodeName(fake.target(), { ...FACTS, ...facts });
  return `${result}: ${reason}`;
};

test('the node exists and is this machine', async (t) => {
  const fake = await api(t, { nodes: { 'node-a': 'boot-1' } });
  assert.equal(await judge(fake), "ok: node-a: the API's node has the boot id of this machine");
  assert.match(await judge(fake, { bootId: null }), /^ok: node-a: the API has a node of that name$/);
});

test('there is no such node', async (t) => {
  const fake = await api(t, { nodes: { 'node-b': 'boot-1' } });
  assert.equal(await judge(fake), 'fail: the API has no node «node-a»');
});

test('the name is that of another machine', async (t) => {
  const fake = await api(t, { nodes: { 'node-a': 'boot-2' } });
  assert.match(
    await judge(fake),
    /^fail: the node «node-a» of the API is another machine: its boot id is boot-2/,
  );
});

test('an account that may not read nodes is told by its pods', async (t) => {
  const fake = await api(t, { nodes: null });
  assert.equal(
    await judge(fake),
    'fail: the API has no pod on a node «node-a», but there are 4 containers here',
  );
  assert.match(await judge(fake, { containers: 0 }), /^skip: node-a; the API has no pod there/);
  assert.match(
    await judge(fake, { containers: null }),
    /^warn: the API has no pod on a node «node-a», if there/,
  );
  fake.cluster.put(fakePod('u1', { node: 'node-a' }));
  assert.match(await judge(fake), /^ok: node-a: the API has pods there/);
  fake.forbidden.add('list pods');
  assert.match(
    await judge(fake),
    /^skip: node-a; its account may ask neither for nodes nor for pods \(403\)$/,
  );
});

test('an API that fails is not taken for a wrong name', async (t) => {
  const fake = await api(t, { nodes: {} });
  fake.faults.push({ kind: 'status', status: 500 });
  assert.match(await judge(fake), /^warn: the API answers 500/);
  fake.faults.push({ kind: 'drop' }, { kind: 'drop' });
  await assert.rejects(judge(fake));
});
