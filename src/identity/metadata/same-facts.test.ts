// Facts that say the same are the same, whatever field it is: a change that is taken for none would keep a wrong name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerFacts, PodFacts } from './facts.ts';
import { containerFacts, podFacts } from './metadata.fixture.ts';
import { isSameContainer, isSamePod } from './same-facts.ts';

const POD: Required<PodFacts> = {
  ...podFacts('u1', { annotations: { note: 'x' } }),
  declared: [{ name: 'main', kind: 'app', image: 'main:1' }],
};
const POD_CHANGES: { [K in keyof Required<PodFacts>]: Required<PodFacts>[K][] } = {
  uid: ['u2'],
  name: ['other'],
  namespace: ['other'],
  labels: [{}, { app: 'other' }, { other: 'api' }, { app: 'api', more: 'x' }],
  annotations: [{}, { note: 'y' }],
  node: [null, 'other'],
  serviceAccount: [null, 'other'],
  workload: [null, { kind: 'Job', name: 'api' }, { kind: 'Deployment', name: 'other' }],
  declared: [
    [],
    [{ name: 'other', kind: 'app', image: 'main:1' }],
    [{ name: 'main', kind: 'init', image: 'main:1' }],
    [{ name: 'main', kind: 'app', image: null }],
    [...POD.declared, { name: 'more', kind: 'app', image: null }],
  ],
};

test('a pod is another with any field changed, and the same as its copy', () => {
  assert.ok(isSamePod(POD, structuredClone(POD)));
  const { declared: _, ...without } = POD;
  assert.ok(isSamePod(without, structuredClone(without)));
  assert.ok(!isSamePod(POD, without) && !isSamePod(without, POD));
  for (const [field, values] of Object.entries(POD_CHANGES)) {
    for (const value of values) {
      const changed = { ...POD, [field]: value };
      assert.ok(!isSamePod(POD, changed) && !isSamePod(changed, POD), `${field} ${JSON.stringify(value)}`);
    }
  }
  assert.ok(
    isSamePod(podFacts('u', { labels: { a: '1', b: '2' } }), podFacts('u', { labels: { b: '2', a: '1' } })),
  );
});

const CONTAINER = containerFacts('c1', 'u1');
const CONTAINER_CHANGES: { [K in keyof ContainerFacts]: ContainerFacts[K][] } = {
  id: ['c2'],
  podUid: [null, 'u2'],
  name: [null, 'other'],
  kind: ['init'],
  image: [null, 'other'],
  imageId: [null, 'other'],
  startedAt: [null, 'other'],
  restartCount: [null, 1],
};

test('a container is another with any field changed, and the same as its copy', () => {
  assert.ok(isSameContainer(CONTAINER, structuredClone(CONTAINER)));
  for (const [field, values] of Object.entries(CONTAINER_CHANGES)) {
    for (const value of values) {
      const changed = { ...CONTAINER, [field]: value };
      assert.ok(!isSameContainer(CONTAINER, changed) && !isSameContainer(changed, CONTAINER), field);
    }
  }
});
