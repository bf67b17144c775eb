// The name of a container before the Kubernetes API knows the container: a real agent, real mounts, cgroups and processes, an API
// made by hand. Needs root and BPF.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { EventJson } from '../src/api/index.ts';
import { FakeKube } from '../src/identity/kube/fake-kube.fixture.ts';
import { fakeContainer, fakePod } from '../src/identity/kube/kube-objects.fixture.ts';
import { openStream, startAgent } from './support/agent.ts';
import { findHierarchy, makeCgroup } from './support/cgroups.ts';
import { cannotUseBpf } from './support/observe.ts';
import { buildWorkload, EXIT_WITH } from './support/workload.ts';

const root = findHierarchy('v2');
const skip = cannotUseBpf() || (root === undefined ? 'no v2 hierarchy is mounted' : false);

const POD = '44444444-bbbb-4bbb-8bbb-444444444444';
const OTHER_POD = '55555555-bbbb-4bbb-8bbb-555555555555';
const idOf = (digit: string) => digit.repeat(64);

/** A machine's kubelet, as far as its files for containers go. */
function openKubelet(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'kubelet-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return (path: string) => {
    const file = join(folder, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, '');
    return file;
  };
}

/**
 * What a runtime does: a process goes into the container's cgroup, makes its mounts, waits to be told to go on, and becomes the
 * program of the image, which ends at once. Resolves with its pid.
 */
async function runContainer(id: string, file: string, target: string): Promise<number> {
  const cgroup = makeCgroup(root!, `kubepods/burstable/pod${POD}/${id}`);
  try {
    const inside = `mount --bind '${file}' '${target}' && sleep 0.3 && exec ${EXIT_WITH} 0`;
    const command = `echo $$ > '${cgroup.procsFile}' && exec unshare -m sh -c "${inside}"`;
    const child = spawn('/bin/sh', ['-c', command], { stdio: 'ignore' });
    assert.equal(await new Promise((resolve) => child.on('exit', resolve)), 0);
    return child.pid!;
  } finally {
    await cgroup.remove();
  }
}

test('a container that the API does not know yet is told by the name that the kubelet gave it', {
  skip,
  timeout: 120_000,
}, async (t) => {
  buildWorkload();
  const kube = await new FakeKube().listen();
  t.after(() => kube.stop());
  const file = openKubelet(t);
  const kubeconfig = file('kubeconfig');
  const named = (name: string, value: object) => [{ name, ...value }];
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: named('c', { cluster: { server: kube.url } }),
      users: named('u', { user: {} }),
      contexts: named('x', { context: { cluster: 'c', user: 'u' } }),
      'current-context': 'x',
    }),
  );
  const pod = fakePod(POD, {
    name: 'shop-0',
    containers: [fakeContainer('setup', [], 'init'), fakeContainer('web', []), fakeContainer('db', [])],
  });
  kube.cluster.put(pod);
  const agent = await startAgent({
    env: {
      COGNITOD_KUBERNETES_API: kubeconfig,
      COGNITOD_NODE_NAME: 'node-1',
      COGNITOD_RUNTIME_CRI: 'off',
      COGNITOD_METADATA_HOLD_MS: '2000',
    },
  });
  t.after(() => agent.stop());
  const stream = await openStream(agent);
  t.after(() => stream.stop());
  const target = file('target');
  const seen = async (id: string, mounted: string): Promise<EventJson> => {
    const pid = await runContainer(id, mounted, target);
    const isIt = (event: EventJson) => event.pid === pid && event.type === 'exit';
    await stream.until(() => stream.events.some(isIt));
    return stream.events.find(isIt)!;
  };
  const words = (uid: string, name: string) => file(`pods/${uid}/containers/${name}/0a1b2c3d`);

  const web = await seen(idOf('1'), words(POD, 'web'));
  assert.deepEqual(
    [web.pod_name, web.container_name, web.container_kind, web.image, web.metadata_provenance?.container],
    ['shop-0', 'web', 'app', 'registry.example/web:1', 'inferred'],
  );
  // Every event of it, from the first one in the cgroup on.
  const early = stream.events.filter((event) => event.container_id === idOf('1'));
  assert.deepEqual(
    early.filter((event) => event.container_name !== 'web'),
    [],
  );
  const setup = await seen(idOf('2'), words(POD, 'setup'));
  assert.deepEqual([setup.container_name, setup.container_kind], ['setup', 'init']);
  const sandbox = await seen(idOf('3'), file(`sandboxes/${idOf('3')}/resolv.conf`));
  assert.deepEqual([sandbox.container_name, sandbox.container_kind], [null, 'sandbox']);

  // Files that name another pod, or a container that this one does not have.
  for (const [id, mounted] of [
    [idOf('4'), words(OTHER_POD, 'web')],
    [idOf('5'), words(POD, 'admin')],
  ] as const) {
    const other = await seen(id, mounted);
    assert.deepEqual([other.container_name, other.metadata_provenance?.container], [null, 'pending']);
  }

  // The API has the last word: one of them was right.
  kube.cluster.put({
    ...pod,
    containers: [
      fakeContainer('setup', [idOf('2')], 'init'),
      fakeContainer('web', [idOf('4')]),
      fakeContainer('db', [idOf('1')]),
    ],
  });
  let { metadata } = await agent.status();
  while (metadata.inferred_confirmed === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    ({ metadata } = await agent.status());
  }
  const { inferred, inferred_confirmed: confirmed, inferred_refuted: refuted } = metadata;
  assert.deepEqual([inferred, confirmed, refuted], [4, 1, 1]);
});
