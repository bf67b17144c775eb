// Who owns a pod in the end, and what it costs to know.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FakeKube } from './fake-kube.fixture.ts';
import { fakePod } from './kube-objects.fixture.ts';
import { FAST, inSync, openFake, openSource, sleep, until } from './kube-test.fixture.ts';
import { guessWorkload, ownerKind, type OwnerReference } from './owner-rules.ts';
import { Owners } from './owners.ts';
import { KUBE_TIMES } from './times.ts';

const RS = '/apis/apps/v1/namespaces/shop/replicasets';
const RCS = '/api/v1/namespaces/shop/replicationcontrollers';
const JOBS = '/apis/batch/v1/namespaces/shop/jobs';

const replicaSet = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name,
  uid: `uid-${name}`,
});
const job = (name: string) => ({ apiVersion: 'batch/v1', kind: 'Job', name, uid: `uid-${name}` });

const API_VERSIONS: Readonly<Record<string, string>> = {
  Deployment: 'apps/v1',
  CronJob: 'batch/v1',
  DeploymentConfig: 'apps.openshift.io/v1',
};

function addOwner(fake: FakeKube, path: string, kind: string | null, name = 'boss') {
  const uid = `uid-${path.split('/').at(-1)}`;
  const apiVersion = API_VERSIONS[kind ?? ''] ?? 'example.com/v1';
  const controller = { apiVersion, kind: kind ?? '', name, uid: `uid-${name}` };
  fake.cluster.owners.set(path, kind === null ? { uid } : { uid, controller });
}

test('each kind of owner leads to its workload', async (t) => {
  const fake = await openFake(t);
  addOwner(fake, `${RS}/web-5d`, 'Deployment', 'web');
  addOwner(fake, `${RS}/canary-7`, 'Rollout', 'canary');
  addOwner(fake, `${RS}/alone`, null);
  addOwner(fake, `${JOBS}/nightly-28000000`, 'CronJob', 'nightly');
  addOwner(fake, `${JOBS}/once`, null);
  addOwner(fake, `${RCS}/frontend-3`, 'DeploymentConfig', 'frontend');
  addOwner(fake, `${RCS}/old`, null);
  const rc = (name: string) => ({
    apiVersion: 'v1',
    kind: 'ReplicationController',
    name,
    uid: `uid-${name}`,
  });
  const owners = {
    web: replicaSet('web-5d'),
    canary: replicaSet('canary-7'),
    alone: replicaSet('alone'),
    nightly: job('nightly-28000000'),
    once: job('once'),
    frontend: rc('frontend-3'),
    old: rc('old'),
    db: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 's' },
    logs: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'logs', uid: 'd' },
    mirror: { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'n' },
    foreign: { apiVersion: 'example.com/v1', kind: 'ReplicaSet', name: 'foreign', uid: 'f' },
    bare: null,
  };
  for (const [uid, owner] of Object.entries(owners)) fake.cluster.put(fakePod(uid, { owner }));
  const { sink, source } = openSource(t, fake);
  const workloads = () =>
    Object.fromEntries(
      [...sink.pods].map(([uid, { workload }]) => [uid, workload && `${workload.kind}/${workload.name}`]),
    );
  await until(() => sink.pods.size === 12 && !Object.values(workloads()).includes(null), 'all workloads');
  assert.deepEqual(workloads(), {
    web: 'Deployment/web',
    canary: 'Rollout/canary',
    alone: 'ReplicaSet/alone',
    nightly: 'CronJob/nightly',
    once: 'Job/once',
    frontend: 'DeploymentConfig/frontend',
    old: 'ReplicationController/old',
    db: 'StatefulSet/db',
    logs: 'DaemonSet/logs',
    mirror: 'Node/node-1',
    foreign: 'ReplicaSet/foreign',
    bare: 'Pod/pod-bare',
  });
  assert.equal(source.status().failures, 0);
});

test('each owner is asked for once, however many pods and lists there are', async (t) => {
  const fake = await openFake(t);
  for (let i = 0; i < 10; i++) addOwner(fake, `${RS}/r${i}`, 'Deployment', `d${i}`);
  const put = (i: number, version: string) =>
    fake.cluster.put(fakePod(`p${i}`, { owner: replicaSet(`r${i % 10}`), labels: { version } }));
  for (let i = 0; i < 100; i++) put(i, '1');
  const { sink } = openSource(t, fake);
  await until(() => inSync(fake, sink), 'all workloads');
  for (let i = 0; i < 100; i++) put(i, '2');
  fake.expireWatches();
  await until(() => sink.replaces === 2 && inSync(fake, sink), 'the second list');
  assert.deepEqual([...fake.counters.owners.values()], Array(10).fill(1));
});

test('a pod is told at once without its workload, and again with it', async (t) => {
  const fake = await openFake(t);
  const [hash, name] = ['5d', 'web-5d'];
  addOwner(fake, `${RS}/${name}`, 'Deployment', 'web');
  const { sink } = openSource(t, fake);
  await until(() => fake.watching === 1, 'the watch');
  fake.faults.push({ kind: 'slow', ms: 100 });
  fake.cluster.put(fakePod('a', { owner: replicaSet(name), labels: { 'pod-template-hash': hash } }));
  await until(() => sink.pods.size === 1, 'the pod');
  assert.equal(sink.pods.get('a')!.workload, null);
  await until(() => sink.pods.get('a')!.workload !== null, 'its workload');
  assert.deepEqual([sink.pods.get('a')!.workload, sink.upserts], [{ kind: 'Deployment', name: 'web' }, 2]);
});

test('a pod that goes while its owner is asked for stays gone', async (t) => {
  const fake = await openFake(t);
  addOwner(fake, `${RS}/web-5d`, 'Deployment', 'web');
  const { sink } = openSource(t, fake);
  await until(() => fake.watching === 1, 'the watch');
  fake.faults.push({ kind: 'slow', ms: 60 });
  fake.cluster.put(fakePod('a', { owner: replicaSet('web-5d') }));
  await until(() => sink.pods.size === 1, 'the pod');
  fake.cluster.delete('a');
  await sleep(120);
  assert.deepEqual([sink.pods.size, sink.upserts, sink.removes], [0, 1, 1]);
});

for (const [how, fault] of [
  ['forbidden', 403],
  ['gone', 404],
] as const) {
  test(`owners that are ${how} are told by their names`, async (t) => {
    const fake = await openFake(t);
    if (fault === 403) for (const resource of ['replicasets', 'jobs']) fake.forbidden.add(`get ${resource}`);
    const labels = { 'pod-template-hash': '5d' };
    fake.cluster.put(fakePod('a', { owner: replicaSet('web-5d'), labels }));
    fake.cluster.put(fakePod('b', { owner: replicaSet('odd'), labels }));
    fake.cluster.put(fakePod('c', { owner: job('nightly-28000000') }));
    fake.cluster.put(fakePod('d', { owner: job('once') }));
    const { source, sink, warnings } = openSource(t, fake);
    const workloads = () =>
      [...sink.pods.values()].map(({ workload }) => workload && `${workload.kind}/${workload.name}`);
    await until(() => sink.pods.size === 4 && !workloads().includes(null), 'all workloads');
    assert.deepEqual(workloads().sort(), ['CronJob/nightly', 'Deployment/web', 'Job/once', 'ReplicaSet/odd']);
    assert.deepEqual([...fake.counters.owners.values()], [1, 1, 1, 1]);
    assert.equal(source.status().state, 'ok');
    assert.deepEqual(
      warnings.map((text) => /forbids to get (\S+): .*verb get on \1$/.exec(text)?.[1]).sort(),
      fault === 403 ? ['jobs.batch', 'replicasets.apps'] : [],
    );
  });
}

test('what was forbidden is asked again after the next list, and the name is used until then', async (t) => {
  const fake = await openFake(t);
  addOwner(fake, `${RS}/odd`, 'Deployment', 'real');
  fake.forbidden.add('get replicasets');
  fake.cluster.put(fakePod('a', { owner: replicaSet('odd') }));
  const { sink } = openSource(t, fake);
  await until(() => sink.pods.get('a')?.workload?.kind === 'ReplicaSet' && fake.watching === 1, 'the guess');
  fake.forbidden.clear();
  fake.expireWatches();
  await until(() => sink.replaces === 2, 'the list');
  assert.notEqual(sink.pods.get('a')!.workload, null);
  await until(() => inSync(fake, sink), 'the truth');
});

test('another object of the same name is not the owner', async (t) => {
  const fake = await openFake(t);
  fake.cluster.owners.set(`${RS}/web-5d`, {
    uid: 'younger',
    controller: { ...job('x'), kind: 'Deployment' },
  });
  fake.cluster.put(fakePod('a', { owner: replicaSet('web-5d') }));
  const { sink } = openSource(t, fake);
  await until(() => sink.pods.get('a')?.workload != null, 'the workload');
  assert.deepEqual(sink.pods.get('a')!.workload, { kind: 'ReplicaSet', name: 'web-5d' });
});

function openOwners(t: import('node:test').TestContext, statuses: number[] = [], maxEntries = 2048) {
  const closed = new AbortController();
  t.after(() => closed.abort());
  const seen = { asked: 0, atOnce: 0, most: 0 };
  const owners = new Owners({
    signal: closed.signal,
    times: { ...KUBE_TIMES, ...FAST },
    maxEntries,
    get: async (path) => {
      seen.asked++;
      seen.most = Math.max(seen.most, ++seen.atOnce);
      await sleep(1);
      seen.atOnce--;
      const status = statuses.shift() ?? 200;
      if (status === 0) throw new Error('no answer');
      const controller = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd', uid: 'd', controller: true };
      const metadata = { uid: `uid-${path.split('/').at(-1)}`, ownerReferences: [controller] };
      return { status, retryAfterMs: 0, body: JSON.stringify({ metadata }) };
    },
  });
  const podOf = (name: string) => ({
    owner: replicaSet(name),
    hints: { templateHash: null, deploymentConfig: null },
    facts: { name: 'p', namespace: 'shop' },
  });
  return { owners, seen, podOf, closed };
}

test('a failure that passes is tried again, and after several the name has to do', async (t) => {
  const passing = openOwners(t, [500, 0, 401, 429]);
  assert.deepEqual(await passing.owners.find(passing.podOf('a')), { kind: 'Deployment', name: 'd' });
  const lasting = openOwners(t, Array(50).fill(503));
  assert.deepEqual(await lasting.owners.find(lasting.podOf('a')), { kind: 'ReplicaSet', name: 'a' });
  assert.deepEqual([passing.seen.asked, lasting.seen.asked], [5, 5]);
});

test('four are asked for at once, and a bounded number is remembered', async (t) => {
  const { owners, seen, podOf } = openOwners(t, [], 10);
  const pods = Array.from({ length: 30 }, (_, i) => podOf(`r${i}`));
  await Promise.all([...pods, ...pods].map((pod) => owners.find(pod)));
  assert.deepEqual([seen.asked, seen.most, seen.atOnce], [30, 4, 0]);
  assert.equal(pods.filter((pod) => owners.known(pod) !== undefined).length, 10);
});

test('closing leaves no question open', async (t) => {
  const { owners, podOf, closed } = openOwners(t, Array(500).fill(500));
  const all = Array.from({ length: 30 }, (_, i) => owners.find(podOf(`r${i}`)));
  await sleep(5);
  closed.abort();
  assert.deepEqual(new Set(await Promise.all(all)), new Set([null]));
});

test('names tell an owner only where a controller makes them so', () => {
  const guess = (kind: string, name: string, label: string | null = null) => {
    const hints = { templateHash: label, deploymentConfig: label };
    const workload = guessWorkload({ apiVersion: '', kind, name, uid: '' }, hints);
    return `${workload.kind}/${workload.name}`;
  };
  assert.equal(guess('ReplicaSet', 'a-b-5d', '5d'), 'Deployment/a-b');
  assert.equal(guess('ReplicaSet', 'a-b-5d', '6d'), 'ReplicaSet/a-b-5d');
  assert.equal(guess('ReplicaSet', '-5d', '5d'), 'ReplicaSet/-5d');
  assert.equal(guess('ReplicaSet', 'a-28000000'), 'ReplicaSet/a-28000000');
  assert.equal(guess('Job', 'a-28000000'), 'CronJob/a');
  assert.equal(guess('Job', 'a-1600000000'), 'CronJob/a');
  assert.equal(guess('ReplicationController', 'a-b-3', 'a-b'), 'DeploymentConfig/a-b');
  assert.equal(guess('ReplicationController', 'a-b-3', 'a'), 'ReplicationController/a-b-3');
  assert.equal(guess('ReplicationController', 'a-b-3'), 'ReplicationController/a-b-3');
  for (const name of ['a-1234567', 'a-12345678901', '28000000', '-28000000'])
    assert.equal(guess('Job', name), `Job/${name}`);
});

test('names and versions that could change the path of a request are not asked for', () => {
  const isEnd = (changes: Partial<OwnerReference>, namespace = 'shop') =>
    assert.equal(ownerKind({ ...replicaSet('a'), ...changes }, namespace), 'end', JSON.stringify(changes));
  for (const name of ['..', 'a/b', 'a?b', 'a b', '', 'A', 'a%2fb', 'x'.repeat(254)]) {
    isEnd({ name });
    isEnd({}, name);
  }
  for (const apiVersion of [
    '',
    'apps',
    'apps/',
    '/v1',
    'a/b/v1',
    '../v1',
    'apps/v1?x',
    'v1/..',
    'A/v1',
    'a/x1',
  ])
    isEnd({ apiVersion });
});

/** Kinds of others, as an operator brings them: a Step of a Run of a Schedule. */
function addForeign(fake: FakeKube) {
  const kinds = { steps: 'Step', runs: 'Run', schedules: 'Schedule' };
  const owned: Record<string, OwnerReference | undefined> = {
    'namespaces/shop/steps/s1': { apiVersion: 'ci.example/v1', kind: 'Run', name: 'r1', uid: 'r1' },
    'namespaces/shop/runs/r1': {
      apiVersion: 'ci.example/v1',
      kind: 'Schedule',
      name: 'nightly',
      uid: 'nightly',
    },
    'schedules/nightly': undefined,
  };
  const asked: string[] = [];
  fake.others = (_, response, url) => {
    if (!url.pathname.startsWith('/apis/ci.example/v1')) return false;
    const path = url.pathname.slice('/apis/ci.example/v1'.length + 1);
    asked.push(path);
    const plural = path.split('/').at(-2) ?? '';
    if (fake.forbidden.has(`get ${plural}`)) response.writeHead(403).end('{}');
    else if (path === '') {
      const resources = Object.entries(kinds).flatMap(([name, kind]) => [
        { name: `${name}/status`, kind, namespaced: name !== 'schedules' },
        { name, kind, namespaced: name !== 'schedules' },
      ]);
      response.end(JSON.stringify({ resources }));
    } else {
      const owner = owned[path];
      const uid = path.split('/').at(-1);
      const ownerReferences = owner === undefined ? [] : [{ ...owner, controller: true }];
      response.end(JSON.stringify({ metadata: { uid, ownerReferences } }));
    }
    return true;
  };
  const step = { apiVersion: 'ci.example/v1', kind: 'Step', name: 's1', uid: 's1' };
  return { asked, step };
}

for (const [forbidden, workload, asked] of [
  [
    null,
    'Schedule/nightly',
    ['', 'namespaces/shop/runs/r1', 'namespaces/shop/steps/s1', 'schedules/nightly'],
  ],
  [
    'schedules',
    'Schedule/nightly',
    ['', 'namespaces/shop/runs/r1', 'namespaces/shop/steps/s1', 'schedules/nightly'],
  ],
  ['runs', 'Run/r1', ['', 'namespaces/shop/runs/r1', 'namespaces/shop/steps/s1']],
  ['steps', 'Step/s1', ['', 'namespaces/shop/steps/s1']],
] as const)
  test(`controllers of any kind are followed as far as they may be read: ${forbidden ?? 'all'}`, async (t) => {
    const fake = await openFake(t);
    const { asked: seen, step } = addForeign(fake);
    if (forbidden !== null) fake.forbidden.add(`get ${forbidden}`);
    fake.cluster.put(fakePod('a', { owner: step }));
    const { sink, source, warnings } = openSource(t, fake);
    await until(() => sink.pods.get('a')?.workload != null, 'the workload');
    const { kind, name } = sink.pods.get('a')!.workload!;
    assert.equal(`${kind}/${name}`, workload);
    assert.deepEqual([...new Set(seen)].sort(), asked);
    assert.deepEqual([warnings, source.status().failures], [[], 0]);
    // A second pod of a kind that may not be read asks for nothing.
    const before = seen.length;
    fake.cluster.put(fakePod('b', { owner: { ...step, name: 's2', uid: 's2' } }));
    await until(() => sink.pods.get('b')?.workload != null, 'the other workload');
    assert.equal(seen.length - before, forbidden === 'steps' ? 0 : 1);
  });

test('owners that own each other are left at the end of a bounded chain', async () => {
  let asked = 0;
  const owners = new Owners({
    signal: new AbortController().signal,
    times: { ...KUBE_TIMES, ...FAST },
    get: async (path) => {
      asked++;
      const [uid, other] = path.endsWith('a') ? ['uid-a', 'b'] : ['uid-b', 'a'];
      const ownerReferences = [{ ...replicaSet(other!), controller: true }];
      return { status: 200, retryAfterMs: 0, body: JSON.stringify({ metadata: { uid, ownerReferences } }) };
    },
  });
  const pod = {
    owner: replicaSet('a'),
    hints: { templateHash: null, deploymentConfig: null },
    facts: { name: 'p', namespace: 'shop' },
  };
  assert.equal((await owners.find(pod))?.kind, 'ReplicaSet');
  assert.equal(asked, 8);
});
