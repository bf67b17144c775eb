import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FakeKube } from '../identity/kube/fake-kube.fixture.ts';
import { judgeRights } from './permissions.ts';

const NEEDED = ['list pods', 'watch pods', 'get replicasets', 'get jobs', 'get replicationcontrollers'];

/** An API whose account may do what is listed; `*` is everything. */
async function apiWith(t: TestContext, allowed: readonly string[]): Promise<FakeKube> {
  const fake = await new FakeKube().listen();
  t.after(() => fake.stop());
  fake.others = (request, response, url) => {
    if (!url.pathname.endsWith('/selfsubjectaccessreviews')) return false;
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      const { verb, resource, subresource } = JSON.parse(text).spec.resourceAttributes;
      const name = `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;
      response.writeHead(201, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ status: { allowed: allowed.includes('*') || allowed.includes(name) } }));
    });
    return true;
  };
  return fake;
}

test('an account with what it needs and nothing else is right', async (t) => {
  const fake = await apiWith(t, NEEDED);
  const { result, reason } = await judgeRights(fake.target());
  assert.equal(result, 'ok');
  assert.match(
    reason,
    /^may list pods, watch pods, get replicasets, get jobs, get replicationcontrollers; of \d+ rights/,
  );
});

test('a right that is missing is named', async (t) => {
  const fake = await apiWith(t, NEEDED.slice(1));
  const { result, reason } = await judgeRights(fake.target());
  assert.deepEqual([result, reason], ['fail', 'may not: list pods']);
});

test('rights that are too much are named', async (t) => {
  const some = await apiWith(t, [...NEEDED, 'get secrets', 'create pods/exec']);
  const { result, reason } = await judgeRights(some.target());
  assert.deepEqual([result, reason], ['warn', 'may do more than it needs: get secrets, create pods/exec']);
  const all = await apiWith(t, ['*']);
  assert.match((await judgeRights(all.target())).reason, /delete pods, patch nodes/);
});

test('an API that does not answer the question is told, not taken for a no', async (t) => {
  const fake = await apiWith(t, NEEDED);
  fake.faults.push({ kind: 'status', status: 500 });
  await assert.rejects(judgeRights(fake.target()), /answers 500/);
});
