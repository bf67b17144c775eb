// Who a pod and a container are called, by whom, and why not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MetadataSourceName } from './facts.ts';
import { containerFacts, FakeSource, identityOf, podFacts } from './metadata.fixture.ts';
import { GONE_AFTER_MS, MetadataStore } from './metadata-store.ts';
import { withPod } from './with-pod.ts';

function open(...names: MetadataSourceName[]) {
  const clock = { ms: 1000 };
  const sources = names.map((name) => new FakeSource(name));
  const store = new MetadataStore({
    sources,
    nowMs: () => clock.ms,
    retentionMs: 60_000,
    maxGone: 3,
    nodeName: 'this-node',
  });
  store.start();
  return { store, clock, sources };
}

const identity = identityOf('u1', 'c1');

test('every field has its source: the API first, the runtime where the API does not know', () => {
  const { store } = open('cri', 'kube-api');
  store.replace(
    'cri',
    [podFacts('u1', { workload: null, labels: {}, node: null })],
    [containerFacts('c1', 'u1', { image: 'cri-image' })],
  );
  let known = store.lookup(identity);
  assert.equal(known.podName, 'pod-u1');
  assert.equal(known.node, 'this-node');
  assert.deepEqual(known.provenance, { pod: 'cri', container: 'cri', workload: 'pending' });

  store.upsert('kube-api', podFacts('u1'), []);
  known = store.lookup(identity);
  assert.deepEqual(known.workload, { kind: 'Deployment', name: 'api' });
  assert.equal(known.node, 'node-1');
  assert.equal(known.image, 'cri-image');
  assert.deepEqual(known.provenance, { pod: 'kube-api', container: 'cri', workload: 'kube-api' });

  store.upsert('kube-api', podFacts('u1'), [containerFacts('c1', 'u1', { kind: 'init', image: null })]);
  known = store.lookup(identity);
  assert.deepEqual([known.containerKind, known.image], ['init', 'cri-image']);
});

test('of a container that only the runtime has told yet, kind and image come from its pod in the API', () => {
  const { store } = open('kube-api', 'cri');
  const digest = 'sha256:0123';
  store.replace('cri', [podFacts('u1')], [containerFacts('c1', 'u1', { name: 'setup', image: digest })]);
  assert.deepEqual([store.lookup(identity).containerKind, store.lookup(identity).image], ['app', digest]);

  const declared = [
    { name: 'main', kind: 'app', image: 'main:1' },
    { name: 'setup', kind: 'init', image: 'setup:1' },
  ] as const;
  store.upsert('kube-api', podFacts('u1', { declared }), []);
  const known = store.lookup(identity);
  assert.deepEqual([known.containerName, known.containerKind, known.image], ['setup', 'init', 'setup:1']);
  assert.equal(known.provenance.container, 'cri');

  // The runtime's own name of an image says more than the spec, and a sandbox has no name to look up.
  const told = [
    containerFacts('c1', 'u1', { name: 'setup', image: 'docker.io/library/setup:1' }),
    containerFacts('c2', 'u1', { name: null, kind: 'sandbox', image: null }),
  ];
  store.replace('cri', [podFacts('u1')], told);
  assert.equal(store.lookup(identity).image, 'docker.io/library/setup:1');
  const sandbox = store.lookup(identityOf('u1', 'c2'));
  assert.deepEqual([sandbox.containerKind, sandbox.image], ['sandbox', null]);
});

test('the same object is given as long as nothing changes', () => {
  const { store, clock } = open('cri');
  store.replace('cri', [podFacts('u1')], [containerFacts('c1', 'u1')]);
  const known = store.lookup(identity);
  clock.ms += 5000;
  store.upsert('cri', podFacts('other'), []);
  assert.equal(store.lookup(identity), known);
});

test('a host process is not a container, an unknown cgroup is unknown', () => {
  const { store } = open('cri');
  assert.equal(store.lookup(identityOf(null, null)).provenance.pod, 'not-a-container');
  const unknown = { ...identityOf(null, null), provenance: 'cgroup-unknown' as const };
  assert.equal(store.lookup(unknown).provenance.container, 'cgroup-unknown');
});

test('a container outside Kubernetes has a name and no pod', () => {
  const { store } = open('docker');
  store.replace('docker', [], [containerFacts('c1', null, { name: 'web' })]);
  const known = store.lookup(identityOf(null, 'c1'));
  assert.equal(known.containerName, 'web');
  assert.deepEqual(known.provenance, { pod: 'not-a-pod', container: 'docker', workload: 'not-a-pod' });
});

test('a container whose cgroup is in no pod is of the pod that the sources say', () => {
  const { store, clock } = open('cri', 'kube-api');
  const bare = identityOf(null, 'c1');
  assert.equal(store.lookup(bare).podUid, undefined);
  assert.equal(withPod(bare, store.lookup(bare)), bare);
  store.upsert('cri', podFacts('u1', { workload: null }), [containerFacts('c1', 'u1')]);
  const early = store.lookup(bare);
  assert.deepEqual([early.podUid, early.podName, early.containerName], ['u1', 'pod-u1', 'main']);
  assert.deepEqual(early.provenance, { pod: 'cri', container: 'cri', workload: 'pending' });
  clock.ms += 300;
  assert.equal(store.pendingSinceMs(bare), 300, 'the workload of that pod');
  store.upsert('kube-api', podFacts('u1'), []);
  const known = store.lookup(bare);
  assert.deepEqual([known.podUid, known.workload?.name], ['u1', 'api']);
  assert.equal(store.pendingSinceMs(bare), null);
  assert.equal(store.settled(bare), known);
  const placed = withPod(bare, known);
  assert.deepEqual([placed.podUid, placed.containerId, placed.tags], ['u1', 'c1', ['k8s_pod:u1']]);
  assert.equal(withPod(bare, known), placed);
  assert.equal(placed.provenance, 'kernel-cgroup', 'of the container; metadata_provenance tells of the pod');
  store.remove('cri', 'u1');
  store.upsert('cri', podFacts('u2'), [containerFacts('c1', 'u2')]);
  assert.equal(store.lookup(bare).podUid, 'u2');
});

test('a container that every source knows in another pod than its cgroup is named by nobody, and counted', () => {
  const { store } = open('cri', 'kube-api');
  store.upsert('kube-api', podFacts('u1'), []);
  store.upsert('cri', podFacts('victim'), [containerFacts('c1', 'victim')]);
  const known = store.lookup(identity);
  assert.deepEqual([known.podName, known.containerName, known.workload], [null, null, null]);
  const reason = 'contradicted' as const;
  assert.deepEqual(known.provenance, { pod: reason, container: reason, workload: reason });
  assert.equal(store.counts().contradicted, 1);
  assert.equal(store.pendingSinceMs(identity), null);
  store.upsert('cri', podFacts('other'), []);
  assert.equal(store.lookup(identity), known);
  assert.equal(store.counts().contradicted, 1, 'once');
  // One source that agrees is enough; the other is not listened to.
  store.upsert('kube-api', podFacts('u1'), [containerFacts('c1', 'u1', { name: 'true', image: null })]);
  const right = store.lookup(identity);
  assert.deepEqual([right.podName, right.containerName, right.image], ['pod-u1', 'true', null]);
  assert.equal(store.lookup(identityOf('u1', null)).podName, 'pod-u1');
});

test('sources that put a container whose cgroup tells nothing into different pods give it none', () => {
  const { store } = open('cri', 'kube-api');
  store.upsert('cri', podFacts('u1'), [containerFacts('c1', 'u1')]);
  store.upsert('kube-api', podFacts('u2'), [containerFacts('c1', 'u2')]);
  const known = store.lookup(identityOf(null, 'c1'));
  assert.deepEqual([known.podUid, known.podName, known.provenance.pod], [undefined, null, 'contradicted']);
});

test('of a container that is only claimed nobody is asked', () => {
  const { store, sources } = open('docker');
  store.upsert('docker', podFacts('u1'), [containerFacts('c1', 'u1')]);
  const claimed = { ...identityOf(null, 'c1'), provenance: 'claimed' as const, unit: 'user@1000.service' };
  const known = store.lookup(claimed);
  assert.deepEqual([known.podUid, known.podName, known.containerName], [undefined, null, null]);
  assert.deepEqual(known.provenance, { pod: 'claimed', container: 'claimed', workload: 'claimed' });
  assert.equal(store.pendingSinceMs(claimed), null);
  assert.equal(store.settled(claimed), known);
  assert.deepEqual([sources[0]!.hints, store.counts().unnamed], [0, 0]);
});

test('without any source the reason is that there is none', () => {
  const { store } = open();
  assert.deepEqual(store.lookup(identity).provenance, {
    pod: 'no-source',
    container: 'no-source',
    workload: 'no-source',
  });
  assert.equal(store.pendingSinceMs(identity), null);
});

test('a pod that nobody has named is pending, and gone before it was seen when its time is over', () => {
  const { store, clock, sources } = open('cri');
  assert.equal(store.lookup(identity).provenance.pod, 'pending');
  assert.ok(sources[0]!.hints > 0, 'the source is asked to look');
  clock.ms += 300;
  assert.equal(store.pendingSinceMs(identity), 300);
  clock.ms += GONE_AFTER_MS;
  assert.deepEqual(store.lookup(identity).provenance.pod, 'pod-gone-before-seen');
  assert.equal(store.pendingSinceMs(identity), null);
  store.upsert('cri', podFacts('u1'), []);
  assert.equal(store.lookup(identity).podName, 'pod-u1');
  assert.equal(store.lookup(identity).provenance.container, 'not-reported');
});

test('a workload is waited for like a name, and is not counted as one', () => {
  const { store, clock, sources } = open('kube-api', 'cri');
  const cri = sources[1]!;
  store.replace('cri', [podFacts('u1', { workload: null })], [containerFacts('c1', 'u1')]);
  assert.equal(store.lookup(identity).provenance.workload, 'pending');
  assert.equal(cri.hints, 0, 'the runtime knows no workloads: it is not asked');
  clock.ms += 300;
  assert.equal(store.pendingSinceMs(identity), 300);
  assert.equal(store.counts().unnamed, 0);
  // The API knows the pod, and is asked for its owner.
  store.upsert('kube-api', podFacts('u1', { workload: null }), [containerFacts('c1', 'u1')]);
  clock.ms += GONE_AFTER_MS;
  assert.equal(store.lookup(identity).provenance.workload, 'pending');
  assert.equal(store.pendingSinceMs(identity), GONE_AFTER_MS + 300);
  store.upsert('kube-api', podFacts('u1'), [containerFacts('c1', 'u1')]);
  assert.deepEqual(store.lookup(identity).workload, { kind: 'Deployment', name: 'api' });
  assert.equal(store.pendingSinceMs(identity), null);
});

test('without the API a workload is not waited for', () => {
  const { store } = open('cri');
  store.replace('cri', [podFacts('u1', { workload: null })], [containerFacts('c1', 'u1')]);
  assert.equal(store.lookup(identity).provenance.workload, 'no-source');
  assert.equal(store.pendingSinceMs(identity), null);
  assert.equal(store.counts().unnamed, 0);
});

test('sources that do not answer are the reason, and a source that does not answer yet is waited for', () => {
  const { store, clock, sources } = open('kube-api', 'cri');
  const [api, cri] = sources as [FakeSource, FakeSource];
  const reason = () => {
    clock.ms += 1000;
    return store.lookup(identity).provenance.pod;
  };
  api.state = 'unreachable';
  cri.state = 'unreachable';
  assert.equal(reason(), 'api-unreachable');
  assert.equal(store.pendingSinceMs(identity), null, 'nobody answers: nothing to wait for');
  api.state = 'no-permission';
  assert.equal(reason(), 'no-permission');
  cri.state = 'starting';
  assert.equal(reason(), 'pending');
  api.state = 'ok';
  cri.state = 'unreachable';
  assert.equal(reason(), 'pending');
});

test('the last processes of a deleted pod keep its name, within time and count', () => {
  const { store, clock } = open('kube-api');
  store.upsert('kube-api', podFacts('u1'), [containerFacts('c1', 'u1')]);
  store.remove('kube-api', 'u1');
  assert.equal(store.lookup(identity).podName, 'pod-u1');
  assert.equal(store.lookup(identity).containerName, 'main');
  clock.ms += 60_001;
  store.upsert('kube-api', podFacts('u2'), []);
  assert.equal(store.lookup(identity).podName, null);

  for (const uid of ['a', 'b', 'c', 'd']) store.upsert('kube-api', podFacts(uid), []);
  store.replace('kube-api', [], []);
  assert.equal(store.counts().gone, 3);
});

test('the earlier container of a restarted one keeps its name', () => {
  const { store } = open('kube-api');
  store.upsert('kube-api', podFacts('u1'), [containerFacts('c1', 'u1')]);
  store.upsert('kube-api', podFacts('u1'), [containerFacts('c2', 'u1', { restartCount: 1 })]);
  assert.equal(store.lookup(identity).restartCount, 0);
  assert.equal(store.lookup(identityOf('u1', 'c2')).restartCount, 1);
});

test('nothing of a closed store changes, and its sources are closed', async () => {
  const { store, sources } = open('cri');
  await store.close();
  assert.ok(sources[0]!.closed);
  store.upsert('cri', podFacts('u1'), []);
  assert.equal(store.counts().pods, 0);
});

test('whatever sources tell in whatever order, a present pod is named by what was told last', () => {
  const uid = fc.constantFrom('u1', 'u2', 'u3');
  const step = fc.oneof(
    fc.record({ do: fc.constant('upsert' as const), uid, name: fc.string() }),
    fc.record({ do: fc.constant('remove' as const), uid }),
    fc.record({ do: fc.constant('replace' as const), uids: fc.uniqueArray(uid), name: fc.string() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { store, clock } = open('kube-api');
      const names = new Map<string, string>();
      for (const change of steps) {
        clock.ms++;
        if (change.do === 'upsert') {
          names.set(change.uid, change.name);
          store.upsert('kube-api', podFacts(change.uid, { name: change.name }), []);
        } else if (change.do === 'remove') {
          names.delete(change.uid);
          store.remove('kube-api', change.uid);
        } else {
          names.clear();
          for (const id of change.uids) names.set(id, change.name);
          store.replace(
            'kube-api',
            change.uids.map((id) => podFacts(id, { name: change.name })),
            [],
          );
        }
        for (const [id, name] of names) assert.equal(store.lookup(identityOf(id, null)).podName, name);
      }
      assert.equal(store.counts().pods, names.size);
    }),
  );
});

test('a container that no source knows is called what its mounts say, if its pod declares that name', () => {
  const { store } = open('kube-api', 'cri');
  store.replace('kube-api', [], []);
  assert.equal(store.lookup(identity).provenance.container, 'pending');
  store.infer('u1', 'c1', 'setup');
  // Nobody has told the pod yet.
  assert.equal(store.lookup(identity).provenance.container, 'pending');
  assert.notEqual(store.pendingSinceMs(identity), null);

  const declared = [
    { name: 'main', kind: 'app', image: 'main:1' },
    { name: 'setup', kind: 'init', image: 'setup:1' },
  ] as const;
  store.upsert('kube-api', podFacts('u1', { declared }), []);
  const known = store.lookup(identity);
  assert.deepEqual([known.containerName, known.containerKind, known.image], ['setup', 'init', 'setup:1']);
  assert.deepEqual([known.restartCount, known.containerStartedAt, known.imageId], [null, null, null]);
  assert.deepEqual(known.provenance, { pod: 'kube-api', container: 'inferred', workload: 'kube-api' });
  assert.equal(store.pendingSinceMs(identity), null, 'there is nothing to wait for');
  assert.ok(store.isNamed('c1') && !store.isNamed('c2'));

  // Another pod's cgroup, a name that the specification lacks, a sandbox.
  assert.equal(store.lookup(identityOf('u2', 'c1')).containerName, null);
  store.infer('u1', 'c2', 'nobody');
  assert.equal(store.lookup(identityOf('u1', 'c2')).provenance.container, 'pending');
  store.infer('u1', 'c3', null);
  const sandbox = store.lookup(identityOf('u1', 'c3'));
  assert.deepEqual([sandbox.containerKind, sandbox.provenance.container], ['sandbox', 'inferred']);
});

test('what a source says of a container goes before what was inferred, and is compared with it', () => {
  const { store } = open('kube-api', 'cri');
  const declared = ['main', 'side'].map((name) => ({ name, kind: 'app' as const, image: `${name}:1` }));
  const pod = podFacts('u1', { declared });
  store.upsert('kube-api', pod, []);
  for (const id of ['c1', 'c2', 'c4']) store.infer('u1', id, 'main');
  store.infer('u1', 'c3', null);
  assert.deepEqual(store.inferredCounts(), { inferred: 4, confirmed: 0, refuted: 0 });
  assert.equal(store.lookup(identity).provenance.container, 'inferred');

  store.upsert('kube-api', pod, [
    containerFacts('c1', 'u1', { name: 'main' }),
    containerFacts('c2', 'u1', { name: 'side' }),
  ]);
  store.replace('cri', [pod], [containerFacts('c3', 'u1', { name: null, kind: 'sandbox' })]);
  const known = store.lookup(identity);
  assert.deepEqual([known.provenance.container, known.restartCount], ['kube-api', 0]);
  assert.equal(store.lookup(identityOf('u1', 'c2')).containerName, 'side');
  assert.deepEqual(store.inferredCounts(), { inferred: 4, confirmed: 2, refuted: 1 });
  // Told once more: counted once.
  store.upsert('kube-api', pod, [containerFacts('c2', 'u1', { name: 'side' })]);
  assert.deepEqual(store.inferredCounts(), { inferred: 4, confirmed: 2, refuted: 1 });
});
