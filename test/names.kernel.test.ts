// Names of pods in the running agent while those who know them come, go and refuse. Needs root and BPF.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EventJson } from '../src/api/index.ts';
import { FakeKube } from '../src/identity/kube/fake-kube.fixture.ts';
import { fakeContainer, fakePod } from '../src/identity/kube/kube-objects.fixture.ts';
import { openFakeCri, tempDirectory } from '../src/identity/runtime/runtime.fixture.ts';
import { openStream, type RunningAgent, runCognitod, startAgent } from './support/agent.ts';
import { findHierarchy, makeCgroup } from './support/cgroups.ts';
import { cannotUseBpf } from './support/observe.ts';
import { buildWorkload, EXIT_WITH } from './support/workload.ts';
import { PATIENCE } from './support/patience.ts';

const root = findHierarchy('v2');
const skip = cannotUseBpf() || (root === undefined ? 'no v2 hierarchy is mounted' : false);

const uidOf = (pod: number) => `1399d9c7-c86f-4371-8568-07b3d32258a${pod}`;
const containerOf = (pod: number) => `0123456789abcde${pod}`.repeat(4);
/** Long enough for a pause between two tries that has grown meanwhile. */
const RECOVERY_MS = 40_000 * PATIENCE;

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (const end = performance.now() + RECOVERY_MS; !(await holds()); ) {
    if (performance.now() > end) throw new Error(`in ${RECOVERY_MS} ms not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A process that does nothing but exist in a container; resolves with its pid when it has ended. */
async function runIn(pod: number): Promise<number> {
  const cgroup = makeCgroup(root!, `kubepods/burstable/pod${uidOf(pod)}/${containerOf(pod)}`);
  try {
    const command = `echo $$ > ${cgroup.procsFile} && exec ${EXIT_WITH} 0`;
    const child = spawn('/bin/sh', ['-c', command], { stdio: 'ignore' });
    await new Promise((resolve) => child.on('exit', resolve));
    return child.pid!;
  } finally {
    await cgroup.remove();
  }
}

async function sourceOf(agent: RunningAgent, name: string) {
  return (await agent.status()).metadata.sources.find((source) => source.name === name)!;
}

test('names go on through outages and refusals, with the reason for each gap, and come back by themselves', {
  skip,
  timeout: 150_000,
}, async (t) => {
  buildWorkload();
  const kube = new FakeKube();
  t.after(() => kube.stop());
  for (const pod of [1, 2, 3, 4]) {
    const containers = [fakeContainer('main', [containerOf(pod)])];
    kube.cluster.put(fakePod(uidOf(pod), { name: `api-${pod}`, containers }));
  }
  // The port is chosen now, and nobody listens there yet.
  await kube.listen();
  const kubeconfig = join(tempDirectory(t), 'kubeconfig');
  const config = {
    clusters: [{ name: 'c', cluster: { server: kube.url } }],
    users: [{ name: 'u', user: { token: 'secret-token' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  await kube.stop();
  const runtime = openFakeCri(t);
  const env = {
    COGNITOD_KUBERNETES_API: kubeconfig,
    COGNITOD_RUNTIME_CRI: runtime.socket,
    COGNITOD_NODE_NAME: 'node-1',
  };
  const agent = await startAgent({ env });
  t.after(() => agent.stop());
  const stream = await openStream(agent);
  t.after(() => stream.stop());
  const exitOf = async (pid: number): Promise<EventJson> => {
    const isIt = (event: EventJson) => event.pid === pid && event.type === 'exit';
    await stream.until((events) => events.some(isIt));
    return stream.events.find(isIt)!;
  };
  const runAndSee = async (pod: number) => exitOf(await runIn(pod));
  const reachable = async (name: string, state: string) =>
    until(async () => (await sourceOf(agent, name)).state === state, `${name} is ${state}`);

  // Nobody answers from the start on.
  await reachable('kube-api', 'unreachable');
  await reachable('cri', 'unreachable');
  const early = await runAndSee(1);
  assert.deepEqual([early.pod_uid, early.pod_name, early.provenance], [uidOf(1), null, 'kernel-cgroup']);
  assert.equal(early.metadata_provenance!.pod, 'api-unreachable');
  assert.match((await sourceOf(agent, 'kube-api')).reason!, /ECONNREFUSED|refused/);
  assert.match((await sourceOf(agent, 'cri')).reason!, /no such socket/);
  const metrics = await agent.metrics();
  assert.match(metrics, /cognitod_metadata_source_up\{source="kube-api",state="unreachable"\} 0/);
  assert.match(metrics, /cognitod_metadata_request_failures_total\{source="kube-api"\} [1-9]/);
  assert.equal((await agent.ready()).status, 200, 'names are not what makes it see the node');

  // Both come up: new events are named, and so are those of before in every answer.
  await kube.listen();
  await reachable('kube-api', 'ok');
  const named = await runAndSee(2);
  assert.deepEqual([named.namespace, named.pod_name, named.container_name], ['shop', 'api-2', 'main']);
  assert.deepEqual([named.workload_kind, named.workload_name], ['Pod', 'api-2']);
  const args = ['ps', '--json', '--state', 'all', '--pid', String(early.pid), '--api', agent.api];
  assert.equal(JSON.parse((await runCognitod(args)).stdout).processes[0].pod_name, 'api-1');
  assert.match(await agent.metrics(), /cognitod_metadata_source_up\{source="kube-api",state="ok"\} 1/);

  // The API goes away: what is known stays known, what is new is told with the reason.
  await kube.stop();
  await reachable('kube-api', 'unreachable');
  kube.cluster.put(
    fakePod(uidOf(5), { name: 'api-5', containers: [fakeContainer('main', [containerOf(5)])] }),
  );
  assert.equal((await runAndSee(3)).pod_name, 'api-3');
  const gap = await runAndSee(5);
  assert.deepEqual(
    [gap.pod_uid, gap.pod_name, gap.metadata_provenance!.pod],
    [uidOf(5), null, 'api-unreachable'],
  );

  // The runtime alone comes up, and names what only it can.
  runtime.state.pods = [{ uid: uidOf(6), name: 'api-6', labels: {} }];
  runtime.state.containers = [
    {
      id: containerOf(6),
      podUid: uidOf(6),
      name: 'side',
      image: 'registry.example/side:1',
      running: true,
      startedAt: '2026-11-23T10:00:00Z',
    },
  ];
  await runtime.listen();
  await reachable('cri', 'ok');
  const sixth = await runAndSee(6);
  assert.deepEqual([sixth.namespace, sixth.pod_name, sixth.container_name], ['shop', 'api-6', 'side']);
  assert.deepEqual(sixth.metadata_provenance, { pod: 'cri', container: 'cri', workload: 'api-unreachable' });

  // The runtime is restarted.
  await runtime.stop();
  await reachable('cri', 'unreachable');
  assert.equal((await runAndSee(6)).container_name, 'side');
  await runtime.listen();
  await reachable('cri', 'ok');

  // The API comes back and refuses; then it lets the agent in again.
  kube.forbidden.add('list pods').add('watch pods');
  await kube.listen();
  await reachable('kube-api', 'no-permission');
  const { reason } = await sourceOf(agent, 'kube-api');
  assert.match(reason!, /forbids to (list|watch) pods.*ClusterRole/);
  assert.doesNotMatch(reason!, /secret-token/);
  assert.equal((await runAndSee(4)).pod_name, 'api-4', 'known from before');
  kube.forbidden.clear();
  await reachable('kube-api', 'ok');
  assert.equal((await runAndSee(5)).pod_name, 'api-5');

  const { ledger } = await agent.status();
  assert.equal(
    ledger.containers.attributed,
    ledger.containers.seen,
    'every event has its pod uid throughout',
  );
});
