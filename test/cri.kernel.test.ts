// Names from a real containerd.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ContainerFacts, CriSource, type PodFacts } from '../src/identity/index.ts';
import { cannotRunContainerd, startContainerd } from './e2e/containerd.ts';
import { BURST } from './e2e/images.ts';

test('a real containerd names its pods and containers, new ones soon after a hint', {
  skip: cannotRunContainerd(),
  timeout: 90_000,
}, async (t) => {
  const containerd = await startContainerd({ names: 'cgroupfs', view: 'hybrid' });
  t.after(() => containerd.close());
  const { cri } = containerd;
  // No look of its own between the hints.
  const source = new CriSource({ socket: containerd.socket, intervalMs: 600_000 });
  t.after(() => source.close());
  let pods: readonly PodFacts[] = [];
  let containers = new Map<string, ContainerFacts>();
  let told = 0;
  source.start({
    replace: (_, allPods, allContainers) => {
      told++;
      pods = allPods;
      containers = new Map(allContainers.map((facts) => [facts.id, facts]));
    },
    upsert: assert.fail,
    remove: assert.fail,
  });
  await until(() => source.status().state === 'ok', 'containerd answers');

  const uid = '11111111-2222-3333-4444-555555555555';
  const pod = await cri.runPod({ name: 'names-1', namespace: 'shop', uid });
  const command = ['/bin/busybox', 'sleep', '600'];
  const ids: string[] = [];
  for (const name of ['first', 'second', 'third', 'fourth', 'fifth']) {
    ids.push(await cri.createContainer(pod, { name, image: BURST, command }));
  }
  const beforeMs = Date.now();
  await cri.startContainer(ids[0]!);
  const hintedMs = performance.now();
  source.hint();
  await until(() => {
    // A question that a busy runtime did not answer is asked again with the next look.
    if (containers.has(ids[0]!)) source.hint();
    return containers.get(ids[0]!)?.startedAt != null;
  }, 'the start of the first container');
  t.diagnostic(`named and with its start ${Math.round(performance.now() - hintedMs)} ms after the hint`);

  assert.deepEqual(
    pods.map((one) => [one.uid, one.namespace, one.name]),
    [[uid, 'shop', 'names-1']],
  );
  const { startedAt, image, imageId, ...first } = containers.get(ids[0]!)!;
  assert.deepEqual(first, { id: ids[0], podUid: uid, name: 'first', kind: 'app', restartCount: 0 });
  assert.match(`${image} ${imageId}`, /sha256:|burst/);
  assert.ok(Math.abs(Date.parse(startedAt!) - beforeMs) < 10_000, startedAt!);
  assert.equal(containers.get(pod.sandboxId)!.kind, 'sandbox');
  assert.equal(containers.get(ids[1]!)!.startedAt, null, 'created, not started');

  // containerd lists in random order: that is no change.
  const before = { told, requests: source.status().requests };
  for (let look = 0; look < 5; look++) {
    const { requests } = source.status();
    source.hint();
    await until(() => source.status().requests > requests, 'another look');
  }
  assert.equal(told, before.told);

  await cri.removePod(pod);
  source.hint();
  await until(() => pods.length === 0 && containers.size === 0, 'the pod is gone');
});

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + 20_000; !holds(); ) {
    assert.ok(performance.now() < end, `in 20 s not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
