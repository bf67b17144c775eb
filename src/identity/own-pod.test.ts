// A sidecar: whatever root the kubelet puts its pods below, the names of its own pod are believed, and no other's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { A, B, event, record, UID } from './cgroup-registry.fixture.ts';
import { CgroupRegistry } from './cgroup-registry.ts';
import { OwnPod } from './own-pod.ts';

const OTHER = '11111111-8ee0-11e9-a8a6-1e68d864ef1a';
const SLICE = `kubepods-burstable-pod${UID.replaceAll('-', '_')}.slice`;
const procfs = { source: 'procfs' } as const;

function open(ownCgroup: string | null) {
  const ownPod = new OwnPod({ uid: UID, name: 'web', namespace: 'shop' });
  return new CgroupRegistry({ readProcCgroup: () => null, ownPod, ownCgroup });
}

function told(registry: CgroupRegistry, content: string) {
  registry.learn(record(5, content, 0, procfs));
  const { containerId, podUid, provenance } = registry.resolve(event(5));
  return { containerId, podUid, provenance };
}

for (const [what, below] of [
  ['cgroupfs', `/k8s-7/kubepods/burstable/pod${UID}`],
  ['systemd', `/k8s.slice/kubepods.slice/kubepods-burstable.slice/${SLICE}`],
] as const) {
  test(`below a --cgroup-root (${what}) a neighbour in the pod has its container`, () => {
    const neighbour = `4:memory:${below}/${B}\n0::/\n`;
    assert.deepEqual(told(open(`4:memory:${below}/${A}\n0::/\n`), neighbour), {
      containerId: B,
      podUid: UID,
      provenance: 'procfs',
    });
  });
}

test('without its own place a neighbour is in the pod, since nothing else is seen, and no container is believed', () => {
  const neighbour = `4:memory:/k8s-7/kubepods/burstable/pod${UID}/${B}\n0::/\n`;
  assert.deepEqual(told(open(null), neighbour), {
    containerId: null,
    podUid: UID,
    provenance: 'downward-api',
  });
});

test('a place of the agent in another pod than its own makes no root', () => {
  const below = `/k8s-7/kubepods/burstable/pod${OTHER}`;
  const { containerId } = told(open(`4:memory:${below}/${A}\n`), `4:memory:${below}/${B}\n`);
  assert.equal(containerId, null);
});

test('content that is none makes no root', () => {
  for (const content of [
    '',
    '\n\n',
    '4:memory',
    `x:y:/k8s-7/kubepods/pod${UID}/${A}`,
    `4:memory:k8s/pod${UID}/${A}`,
  ])
    assert.equal(told(open(content), `4:memory:/k8s-7/kubepods/pod${UID}/${B}\n`).containerId, null);
});
