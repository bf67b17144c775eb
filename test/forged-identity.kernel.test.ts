// Whose names the running agent gives to processes that call their cgroups like somebody else's. Needs root and BPF.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { EventJson } from '../src/api/index.ts';
import { openFakeCri } from '../src/identity/runtime/runtime.fixture.ts';
import { openStream, runCognitod, startAgent } from './support/agent.ts';
import { findHierarchy, makeCgroup } from './support/cgroups.ts';
import { cannotUseBpf } from './support/observe.ts';
import { buildWorkload, EXIT_WITH } from './support/workload.ts';

const root = findHierarchy('v2');
const skip = cannotUseBpf() || (root === undefined ? 'no v2 hierarchy is mounted' : false);

const VICTIM = { uid: '99999999-bbbb-4bbb-8bbb-999999999999', container: 'f9'.repeat(32) };
const BARE = { uid: '22222222-bbbb-4bbb-8bbb-222222222222', container: '2b'.repeat(32) };
const LIAR = { uid: '33333333-bbbb-4bbb-8bbb-333333333333' };
const USER = `user.slice/user-64000.slice/user@64000.service`;

/** A process that does nothing but exist there; resolves with its pid when it has ended. */
async function runIn(path: string): Promise<number> {
  const cgroup = makeCgroup(root!, path);
  try {
    const command = `echo $$ > '${cgroup.procsFile}' && exec ${EXIT_WITH} 0`;
    const child = spawn('/bin/sh', ['-c', command], { stdio: 'ignore' });
    const code = await new Promise((resolve) => child.on('exit', resolve));
    assert.equal(code, 0);
    return child.pid!;
  } finally {
    await cgroup.remove();
  }
}

test('names go to who is in the cgroup that the kubelet made, or in the container that the runtime knows; to nobody else', {
  skip,
  timeout: 120_000,
}, async (t) => {
  buildWorkload();
  const runtime = openFakeCri(t);
  const container = { image: 'registry.example/web:1', running: true, startedAt: '2026-11-23T10:00:00Z' };
  runtime.state.pods = [
    { uid: VICTIM.uid, name: 'victim-0', labels: {} },
    { uid: BARE.uid, name: 'bare-0', labels: {} },
    { uid: LIAR.uid, name: 'liar-0', labels: {} },
  ];
  runtime.state.containers = [
    { ...container, id: VICTIM.container, podUid: VICTIM.uid, name: 'web' },
    { ...container, id: BARE.container, podUid: BARE.uid, name: 'worker' },
  ];
  await runtime.listen();
  const agent = await startAgent({
    env: { COGNITOD_RUNTIME_CRI: runtime.socket, COGNITOD_KUBERNETES_API: 'off' },
  });
  t.after(() => agent.stop());
  const stream = await openStream(agent);
  t.after(() => stream.stop());
  const runAndSee = async (path: string): Promise<EventJson> => {
    const pid = await runIn(path);
    const isIt = (event: EventJson) => event.pid === pid && event.type === 'exit';
    await stream.until((events) => events.some(isIt));
    return stream.events.find(isIt)!;
  };
  const told = (event: EventJson) => [
    event.pod_uid,
    event.container_id,
    event.pod_name ?? null,
    event.container_name ?? null,
    event.provenance,
  ];

  const victim = `kubepods/burstable/pod${VICTIM.uid}/${VICTIM.container}`;
  const real = [VICTIM.uid, VICTIM.container, 'victim-0', 'web', 'kernel-cgroup'];
  assert.deepEqual(told(await runAndSee(victim)), real);
  assert.deepEqual(told(await runAndSee(`${victim}/x.mount`)), real, 'what a container makes is its own');
  const nested = await runAndSee(`${victim}/kubepods/pod${BARE.uid}/${BARE.container}`);
  assert.deepEqual(told(nested), real);
  assert.deepEqual([nested.claim?.pod_uid, nested.claim?.container_id], [BARE.uid, BARE.container]);

  // Containers whose cgroup is in no pod: the runtime knows which pod they are of.
  for (const path of [`k8s.io/${BARE.container}`, `kata_overhead/${BARE.container}`]) {
    const bare = await runAndSee(path);
    assert.deepEqual(told(bare), [BARE.uid, BARE.container, 'bare-0', 'worker', 'kernel-cgroup'], path);
    assert.deepEqual(bare.metadata_provenance?.pod, 'cri');
    assert.ok(bare.tags.includes(`k8s_pod:${BARE.uid}`));
  }

  // A user in the own subtree.
  const forged = await runAndSee(`${USER}/${victim}`);
  assert.deepEqual(told(forged), [null, null, null, null, 'claimed']);
  assert.equal(forged.unit, 'user@64000.service');
  assert.deepEqual(forged.tags, []);
  assert.deepEqual([forged.claim?.pod_uid, forged.claim?.container_id], [VICTIM.uid, VICTIM.container]);
  const rootless = await runAndSee(`${USER}/app.slice/docker-${VICTIM.container}.scope`);
  assert.deepEqual(told(rootless), [null, VICTIM.container, null, null, 'claimed']);
  assert.deepEqual(rootless.metadata_provenance, {
    pod: 'claimed',
    container: 'claimed',
    workload: 'claimed',
  });

  // So deep that the kernel program cannot read the user's end of the path.
  const deep = await runAndSee(`${USER}/${'d/'.repeat(32)}${victim}`);
  assert.deepEqual([deep.pod_uid, deep.container_id, deep.pod_name], [null, null, undefined]);
  assert.notEqual(deep.provenance, 'kernel-cgroup');

  // By the runtime that container is of another pod.
  const liar = await runAndSee(`kubepods/burstable/pod${LIAR.uid}/${VICTIM.container}`);
  assert.deepEqual([liar.pod_name, liar.container_name], [null, null]);
  assert.equal(liar.metadata_provenance?.pod, 'contradicted');

  const { processes, metadata, ledger } = await agent.status();
  assert.ok(processes.cgroups_claimed >= 3 && processes.cgroups_truncated >= 1 && metadata.contradicted >= 1);
  assert.equal(ledger.containers.attributed + ledger.containers.unknown_cgroup, ledger.containers.seen);
  const metrics = await agent.metrics();
  assert.match(metrics, /\ncognitod_cgroups_claimed_total [1-9]/);
  assert.match(metrics, /\ncognitod_cgroups_truncated_total [1-9]/);
  const run = (...args: string[]) => runCognitod([...args, '--api', agent.api]);
  const shown = await run('show', String(forged.pid));
  assert.match(
    shown.stdout,
    /\nprovenance +claimed\nnames claim +pod 99999999-.* container f9f9.* \(not believed\)\n/,
  );
  assert.match(
    (await run('status')).stdout,
    /\nnot believed +\d+ cgroups with a name that anybody may have made/,
  );
  const listed = JSON.parse((await run('ps', '--json', '--state', 'all', '--pod', VICTIM.uid)).stdout);
  const pids = listed.processes.map(({ pid }: { pid: number }) => pid);
  for (const { pid } of [forged, rootless, deep]) assert.ok(!pids.includes(pid));
  const bares = JSON.parse((await run('ps', '--json', '--state', 'all', '--pod', BARE.uid)).stdout);
  assert.deepEqual(
    bares.processes.map(({ pod_uid }: { pod_uid: string }) => pod_uid),
    [BARE.uid, BARE.uid],
  );
});

test('an agent in a node that is a container names what runs in that node, and not in others', {
  skip,
  timeout: 120_000,
}, async (t) => {
  buildWorkload();
  const [node, other] = [`docker/${'0d'.repeat(32)}`, `docker/${'0e'.repeat(32)}`];
  const pod = `kubelet/kubepods/burstable/pod${VICTIM.uid}/${VICTIM.container}`;
  const own = makeCgroup(root!, `${node}/kubelet/kubepods/burstable/pod${LIAR.uid}/${'3c'.repeat(32)}`);
  const startThere = async () => {
    // What this process starts begins in its cgroup.
    writeFileSync(own.procsFile, String(process.pid));
    try {
      return await startAgent({ env: { COGNITOD_RUNTIME_CRI: 'off', COGNITOD_KUBERNETES_API: 'off' } });
    } finally {
      writeFileSync(`${root}/cgroup.procs`, String(process.pid));
    }
  };
  const agent = await startThere().catch(async (error) => {
    await own.remove();
    throw error;
  });
  t.after(() => agent.stop().finally(() => own.remove()));
  const stream = await openStream(agent);
  t.after(() => stream.stop());
  const seen = async (path: string) => {
    const pid = await runIn(path);
    const isIt = (event: EventJson) => event.pid === pid && event.type === 'exit';
    await stream.until((events) => events.some(isIt));
    const { pod_uid, container_id, provenance } = stream.events.find(isIt)!;
    return [pod_uid, container_id, provenance];
  };
  assert.deepEqual(await seen(`${node}/${pod}`), [VICTIM.uid, VICTIM.container, 'kernel-cgroup']);
  assert.deepEqual(await seen(`${other}/${pod}`), [null, '0e'.repeat(32), 'kernel-cgroup']);
  assert.deepEqual(
    await seen(`${node}/kubelet`),
    [null, '0d'.repeat(32), 'kernel-cgroup'],
    'the node itself',
  );
  const self = JSON.parse(
    (await runCognitod(['ps', '--json', '--pod', LIAR.uid, '--api', agent.api])).stdout,
  );
  assert.ok(self.processes.length >= 1, 'the agent, which was there before it looked');
});
