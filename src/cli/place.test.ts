// Names of pods, workloads and containers on the command line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlaceActivityJson } from '../api/index.ts';
import {
  documents,
  fakeAgent,
  record,
  READY,
  run,
  sampleEvent,
  sampleProcess,
  sendStream,
} from './fake-agent.fixture.ts';
import { samplePlace, sampleActivity } from './fake-activity.fixture.ts';
import { isProcessName } from './place.ts';

const place = (namespace: string, pod: string, uid: string, changes: Partial<PlaceActivityJson> = {}) =>
  samplePlace({
    namespace,
    pod_name: pod,
    pod_uid: uid,
    workload_kind: null,
    workload_name: null,
    containers: [],
    ...changes,
  });

const PLACES = [
  place('payments', 'api-7f9c-abc', 'aaaaaaaa-1', {
    workload_kind: 'Deployment',
    workload_name: 'api',
    containers: [{ container_id: '4f5e6d7c8b9a'.padEnd(64, '0'), container_name: 'api' }],
  }),
  place('payments', 'api-7f9c-xyz', 'aaaaaaaa-2', { workload_kind: 'Deployment', workload_name: 'api' }),
  place('shop', 'api', 'bbbbbbbb-1'),
  place('shop', 'api-2', 'bbbbbbbb-2'),
  place('other', 'db-0', 'cccccccc-1', { workload_kind: 'StatefulSet', workload_name: 'db' }),
];

async function asked(
  t: Parameters<typeof fakeAgent>[0],
  name: string,
  places: readonly PlaceActivityJson[] = PLACES,
) {
  const { api, requests } = await fakeAgent(
    t,
    documents({
      '/api/v1/activity': sampleActivity({ places: [...places] }),
      '/api/v1/processes': { schema_version: 1, processes: [sampleProcess()], total: 1, next_cursor: null },
    }),
  );
  const ran = await run(['ps', name, '--json', '--api', api]);
  const last = new URL(requests.at(-1)!.url!, api);
  const query = Object.fromEntries(
    ['pod', 'namespace', 'workload', 'container'].map((key) => [key, last.searchParams.get(key)]),
  );
  return { ...ran, query };
}

const FOUND: readonly [string, Record<string, string>][] = [
  ['payments/api-7f9c-abc', { pod: 'aaaaaaaa-1' }],
  ['payments/api-7f9c-x', { pod: 'aaaaaaaa-2' }],
  ['api', { pod: 'bbbbbbbb-1' }],
  ['shop/api', { pod: 'bbbbbbbb-1' }],
  ['db', { pod: 'cccccccc-1' }],
  ['cccccccc', { pod: 'cccccccc-1' }],
  ['deployment/api', { workload: 'deployment/api', namespace: 'payments' }],
  ['Deployment/api', { workload: 'deployment/api', namespace: 'payments' }],
  ['other/statefulset/db', { workload: 'statefulset/db', namespace: 'other' }],
  ['4f5e6d7c', { container: '4f5e6d7c8b9a'.padEnd(64, '0') }],
];
for (const [name, query] of FOUND) {
  test(`«${name}» is found`, async (t) => {
    const ran = await asked(t, name);
    assert.equal(ran.code, 0, ran.stderr);
    assert.deepEqual(
      Object.fromEntries(Object.entries(ran.query).filter(([, value]) => value !== null)),
      query,
    );
  });
}

test('a name that several have is refused with all of them', async (t) => {
  const ran = await asked(t, 'payments/api');
  assert.equal(ran.code, 2);
  const { error } = JSON.parse(ran.stderr);
  assert.equal(error.message, '«payments/api» may mean payments/api-7f9c-abc, payments/api-7f9c-xyz');
});

test('of pods of one name, as a StatefulSet makes them, the living one is meant', async (t) => {
  const db = (uid: string, running: number, container: string) =>
    place('shop', 'db-0', uid, {
      running,
      workload_kind: 'StatefulSet',
      workload_name: 'db',
      containers: [{ container_id: container.padEnd(64, '0'), container_name: 'db' }],
    });
  const [gone, older, living] = [
    db('11111111-a', 0, 'a'),
    db('22222222-b', 0, 'b'),
    db('33333333-c', 4, 'c'),
  ];
  const made = [gone, older, living];
  for (const name of ['db-0', 'shop/db-0', 'shop/db', 'db', '33333333'])
    assert.equal((await asked(t, name, made)).query.pod, '33333333-c', name);
  // What is gone is found by its uid, and by its name while no other has it.
  assert.equal((await asked(t, '11111111-a', made)).query.pod, '11111111-a');
  assert.equal((await asked(t, 'db-0', [gone])).query.pod, '11111111-a');
  // A beginning may mean others too, dead or alive.
  const others = [...made, place('shop', 'db-1', '44444444-d', { running: 0 })];
  const { error } = JSON.parse((await asked(t, 'shop/db', others)).stderr);
  assert.equal(error.message, '«shop/db» may mean shop/db-0, shop/db-1');
  assert.equal(error.hint, 'write more of the name');
});

test('pods of one name that all live, or of which none lives, are told apart by their uids', async (t) => {
  for (const running of [0, 2]) {
    const pods = ['11111111-a', '22222222-b'].map((uid) => place('shop', 'db-0', uid, { running }));
    const ran = await asked(t, 'db-0', pods);
    assert.equal(ran.code, 2);
    const { error } = JSON.parse(ran.stderr);
    assert.equal(error.message, '«db-0» may mean shop/db-0 (uid 11111111-a), shop/db-0 (uid 22222222-b)');
    assert.equal(error.hint, 'give the uid of the pod');
  }
});

test('a name that nothing has is not found', async (t) => {
  for (const name of ['nobody', 'payments/x', '4f5', 'deployment/db', '\u001b[31m']) {
    const ran = await asked(t, name);
    assert.equal(ran.code, 6, name);
  }
});

test('a pid or a process id is never looked up as a pod', () => {
  assert.ok(isProcessName('1') && isProcessName('b0075e1f-3aw-kf3m2t1'));
  assert.ok(!isProcessName('api-7f9c-abc') && !isProcessName('12345678901'));
});

test('stream, tree and show take the same names', async (t) => {
  const { api, requests } = await fakeAgent(t, (request, response) => {
    if (request.url!.startsWith('/api/v1/events'))
      sendStream(response, READY + record('exec', sampleEvent()), true);
    else
      documents({
        '/api/v1/activity': sampleActivity({ places: PLACES }),
        '/api/v1/processes': { schema_version: 1, processes: [sampleProcess()], total: 1, next_cursor: null },
      })(request, response);
  });
  const streamed = await run(['stream', 'db-0', '--count', '1', '--api', api]);
  assert.equal(streamed.code, 0, streamed.stderr);
  assert.match(requests.at(-1)!.url!, /pod=cccccccc-1/);
  const tree = await run(['tree', 'db-0', '--api', api]);
  assert.deepEqual([tree.code, tree.stderr], [0, '']);
  assert.match(requests.at(-1)!.url!, /pod=cccccccc-1.*state=running/);
  const show = await run(['show', 'other/db-0', '--api', api]);
  assert.equal(show.code, 0, show.stderr);
  assert.match(show.stdout, /^other\/db-0\n.*pod uid +cccccccc-1\n.*workload +StatefulSet\/db\n/s);
});

test('a pod whose containers are in cgroups of their own is one pod', async (t) => {
  const container = (id: string, running: number) => ({
    place: 'container' as const,
    running,
    containers: [{ container_id: id.repeat(64), container_name: id }],
  });
  const places = [
    place('shop', 'web-0', 'dddddddd-1', container('a', 2)),
    place('shop', 'web-0', 'dddddddd-1', container('b', 0)),
  ];
  const { code, query } = await asked(t, 'web-0', places);
  assert.deepEqual([code, query.pod], [0, 'dddddddd-1']);
});
