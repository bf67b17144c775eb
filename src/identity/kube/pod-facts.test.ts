// Pods as the API writes them, and anything else that is JSON.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fakePod, mirrorAnnotations } from './kube-objects.fixture.ts';
import { inSync, openFake, openSource, until } from './kube-test.fixture.ts';
import { parsePod } from './pod-facts.ts';

const META = { uid: 'u', name: 'api-0', namespace: 'shop' };
const podOf = (status: object, spec: object = {}, metadata: object = {}) =>
  parsePod({ metadata: { ...META, ...metadata }, spec, status })!;

const HASH = '0123456789abcdef0123456789abcdef';
const NODE = { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'n', controller: true };
const ANNOTATIONS = mirrorAnnotations(HASH);

test('a static pod is named by the hash of its manifest, as its cgroup is', () => {
  const pod = podOf({}, { nodeName: 'node-1' }, { annotations: ANNOTATIONS, ownerReferences: [NODE] });
  assert.equal(pod.facts.uid, HASH);
  assert.deepEqual(pod.owner, { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'n' });
  const http = { ...ANNOTATIONS, 'kubernetes.io/config.source': 'http' };
  const ofServer = { annotations: http, ownerReferences: [NODE] };
  assert.equal(podOf({}, { nodeName: 'node-1' }, ofServer).facts.uid, HASH);
});

test('a pod that only looks like a static one keeps the uid of the API', () => {
  const VICTIM = '8f2b7c1e-5d3a-4b6f-9e0d-1c2b3a4d5e6f';
  const without = (key: string) =>
    Object.fromEntries(
      Object.entries(ANNOTATIONS).filter(([name]) => name !== `kubernetes.io/config.${key}`),
    );
  const other = 'f'.repeat(32);
  const lies: [what: string, metadata: object, node?: string][] = [
    ['no mirror', { annotations: without('mirror'), ownerReferences: [NODE] }],
    ['no hash', { annotations: without('hash'), ownerReferences: [NODE] }],
    ['no source', { annotations: without('source'), ownerReferences: [NODE] }],
    [
      'made in the API',
      { annotations: { ...ANNOTATIONS, 'kubernetes.io/config.source': 'api' }, ownerReferences: [NODE] },
    ],
    [
      'mirror of another',
      { annotations: { ...ANNOTATIONS, 'kubernetes.io/config.mirror': other }, ownerReferences: [NODE] },
    ],
    ['the uid of another pod', { annotations: mirrorAnnotations(VICTIM), ownerReferences: [NODE] }],
    ['upper case', { annotations: mirrorAnnotations(HASH.toUpperCase()), ownerReferences: [NODE] }],
    ['31 digits', { annotations: mirrorAnnotations(HASH.slice(1)), ownerReferences: [NODE] }],
    ['no owner', { annotations: ANNOTATIONS }],
    ['not its controller', { annotations: ANNOTATIONS, ownerReferences: [{ ...NODE, controller: false }] }],
    ['another kind', { annotations: ANNOTATIONS, ownerReferences: [{ ...NODE, kind: 'ReplicaSet' }] }],
    ['another group', { annotations: ANNOTATIONS, ownerReferences: [{ ...NODE, apiVersion: 'x/v1' }] }],
    ['another node', { annotations: ANNOTATIONS, ownerReferences: [NODE] }, 'node-2'],
  ];
  for (const [what, metadata, nodeName = 'node-1'] of lies)
    assert.equal(podOf({}, { nodeName }, metadata).facts.uid, 'u', what);
});

test('app, init and ephemeral containers are told, those without an id not', () => {
  const entry = (name: string, id?: string) => ({
    name,
    image: `${name}:1`,
    imageID: 'docker-pullable://x@sha256:1',
    restartCount: 0,
    state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
    ...(id === undefined ? {} : { containerID: id }),
  });
  const { containers } = podOf({
    initContainerStatuses: [entry('init', 'containerd://1')],
    containerStatuses: [
      entry('main', 'cri-o://2'),
      entry('late'),
      entry('odd', 'no-scheme'),
      entry('empty', 'x://'),
    ],
    ephemeralContainerStatuses: [entry('debug', 'docker://3')],
  });
  const rest = { podUid: 'u', imageId: 'x@sha256:1', startedAt: '2026-01-01T00:00:00Z', restartCount: 0 };
  assert.deepEqual(containers, [
    { id: '2', name: 'main', kind: 'app', image: 'main:1', ...rest },
    { id: '1', name: 'init', kind: 'init', image: 'init:1', ...rest },
    { id: '3', name: 'debug', kind: 'ephemeral', image: 'debug:1', ...rest },
  ]);
});

test('a container that was restarted is told with the life before', () => {
  const lives = (status: object) =>
    podOf({ containerStatuses: [{ name: 'main', ...status }] }).containers.map((c) => [
      c.id,
      c.restartCount,
      c.startedAt,
    ]);
  const [t1, t2] = ['2026-01-01T00:00:01Z', '2026-01-01T00:00:02Z'];
  const ended = (id: string, startedAt: string) => ({
    terminated: { containerID: `containerd://${id}`, startedAt },
  });
  const [running, current] = [
    { running: { startedAt: t2 } },
    { containerID: 'containerd://b', restartCount: 3 },
  ];
  assert.deepEqual(lives({ ...current, state: running, lastState: ended('a', t1) }), [
    ['a', 2, t1],
    ['b', 3, t2],
  ]);
  // Waiting for its next start, both name the same container.
  assert.deepEqual(lives({ ...current, state: { waiting: {} }, lastState: ended('b', t2) }), [['b', 3, t2]]);
  assert.deepEqual(lives({ ...current, state: ended('b', t2), lastState: {} }), [['b', 3, t2]]);
  assert.deepEqual(lives({ restartCount: 0, state: { waiting: {} }, lastState: ended('a', t1) }), [
    ['a', null, t1],
  ]);
  assert.deepEqual(lives({ ...current, restartCount: 'x', state: { running: { startedAt: 'x' } } }), [
    ['b', null, null],
  ]);
});

test('containers are declared before they have an id', () => {
  const { facts } = podOf(
    {},
    {
      containers: [{ name: 'web', image: 'web:1' }, { image: 'nameless:1' }],
      initContainers: [{ name: 'setup', image: 'setup:1' }],
      ephemeralContainers: [{ name: 'debugger' }],
    },
  );
  assert.deepEqual(facts.declared, [
    { name: 'web', kind: 'app', image: 'web:1' },
    { name: 'setup', kind: 'init', image: 'setup:1' },
    { name: 'debugger', kind: 'ephemeral', image: null },
  ]);
});

test('an image that the runtime knows by digest only is named as in the spec', () => {
  const image = (used: string | undefined, declared: string | undefined) =>
    podOf(
      { containerStatuses: [{ name: 'main', containerID: 'a://1', image: used }] },
      {
        containers: [
          { name: 'other', image: 'no' },
          { name: 'main', image: declared },
        ],
      },
    ).containers[0]!.image;
  assert.equal(image('docker.io/library/api:1', 'api:1'), 'docker.io/library/api:1');
  assert.equal(image('sha256:12', 'api:1'), 'api:1');
  assert.equal(image('sha256:12', undefined), 'sha256:12');
  assert.equal(image(undefined, 'api:1'), 'api:1');
});

test('what is no pod is left out', () => {
  for (const metadata of [
    {},
    { uid: 'u' },
    { ...META, uid: 3 },
    { ...META, name: '' },
    { ...META, namespace: 'x'.repeat(2000) },
  ]) {
    assert.equal(parsePod({ metadata }), null);
  }
});

/** Objects with the fields of pods, and anything at all in them. */
const podLike = fc.letrec((tie) => {
  const any = fc.oneof(
    { depthSize: 'small' },
    fc.jsonValue(),
    tie('object'),
    fc.array(tie('object'), { maxLength: 3 }),
  );
  const keys = [
    'uid',
    'name',
    'namespace',
    'labels',
    'annotations',
    'ownerReferences',
    'controller',
    'kind',
    'apiVersion',
  ];
  const more = [
    'containerStatuses',
    'containers',
    'containerID',
    'state',
    'lastState',
    'running',
    'terminated',
    'startedAt',
  ];
  return {
    object: fc.dictionary(
      fc.constantFrom(...keys, ...more, 'image', 'restartCount', '__proto__', 'code'),
      any,
      { maxKeys: 6 },
    ),
    pod: fc.record({ metadata: any, spec: any, status: any }, { requiredKeys: [] }),
  };
});

test('no JSON at all makes the parser throw', () => {
  fc.assert(
    fc.property(podLike.pod, (pod) => {
      const parsed = parsePod(pod as Record<string, unknown>, { labels: ['*'], annotations: ['*'] });
      if (parsed !== null) JSON.stringify(parsed);
    }),
    { numRuns: 3000 },
  );
});

test('no JSON in a list or a watch ends the source', async (t) => {
  const fake = await openFake(t);
  const { sink, source } = openSource(t, fake);
  await until(() => fake.watching === 1, 'the watch');
  const values = fc.sample(fc.oneof(podLike.pod, fc.jsonValue()), 400);
  for (const [index, object] of values.entries()) {
    const type = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR', 'NEW'][index % 6];
    if (index % 10 === 0) {
      fake.faults.push({
        kind: 'body',
        body: JSON.stringify(index % 20 === 0 ? { metadata: META, items: [object] } : object),
      });
      fake.expireWatches();
    }
    fake.inject(`${JSON.stringify(index % 7 === 0 ? object : { type, object })}\n`);
    if (index % 20 === 0) await until(() => fake.watching === 1, 'the watch');
  }
  fake.expireWatches();
  fake.faults.length = 0;
  fake.cluster.put(fakePod('a'));
  await until(() => inSync(fake, sink), 'the pod');
  assert.equal(source.status().state, 'ok');
});
