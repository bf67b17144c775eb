// The oldest kubelet decides whether sidecars are native.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { FakeKube } from '../identity/kube/fake-kube.fixture.ts';
import { KubeletVersions } from './kubelet-versions.ts';
import { ObjectStore } from './object-store.fixture.ts';

async function open(t: TestContext) {
  const fake = await new FakeKube().listen();
  const store = new ObjectStore();
  fake.others = store.handle;
  const said: string[] = [];
  const kubelets = new KubeletVersions({
    target: fake.target(),
    warn: (text) => void said.push(text),
    times: { firstBackoffMs: 2, maxBackoffMs: 20, stableMs: 50 },
  });
  t.after(async () => {
    await kubelets.close();
    await fake.stop();
  });
  return { fake, store, kubelets, said };
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !holds(); ) {
    if (performance.now() > end) throw new Error(`not in time: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('one old kubelet is enough, as long as it is in the cluster', async (t) => {
  const { store, kubelets } = await open(t);
  for (const [name, version] of [
    ['a', 'v1.31.2'],
    ['b', 'v1.29.0-eks-036c24b'],
    ['c', 'v1.30.1+k3s1'],
  ] as const)
    store.node(name, version);
  kubelets.start();
  await until(() => kubelets.known);
  assert.equal(kubelets.obstacle, null);
  store.node('old', 'v1.27.16');
  await until(() => kubelets.obstacle !== null);
  assert.equal(kubelets.obstacle, 'the node old has kubelet v1.27.16');
  store.node('old', 'v1.29.1');
  await until(() => kubelets.obstacle === null);
  store.node('older', 'v1.28.9');
  await until(() => kubelets.obstacle !== null);
  store.remove('/api/v1/nodes/older');
  await until(() => kubelets.obstacle === null);
});

test('a kubelet that tells no version counts as old', async (t) => {
  for (const version of ['', 'nightly', '1', 'v129.0', 'v1.x']) {
    const { store, kubelets } = await open(t);
    store.node('odd', version);
    kubelets.start();
    await until(() => kubelets.known);
    const shown =
      version === 'v129.0' ? null : `the node odd has kubelet ${version || 'of an unknown version'}`;
    assert.equal(kubelets.obstacle, shown);
  }
});

test('nodes that may not be read are unknown, with the reason, until they may', async (t) => {
  const { store, kubelets, said } = await open(t);
  store.forbidden.add('GET /api/v1/nodes');
  assert.match(kubelets.obstacle!, /not read yet/);
  kubelets.start();
  await until(() => said.length > 0);
  assert.match(kubelets.obstacle!, /versions of the kubelets are unknown: .*forbids to list nodes/);
  assert.equal(said.length, 1);
  store.forbidden.clear();
  await until(() => kubelets.obstacle === null);
});
