// The agent in namespaces of its own: it sees the whole node, or says why not. Needs root and BPF.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import type { ProcessJson, SelfTestJson } from '../src/api/index.ts';
import { type RunningAgent, runCognitod, startAgent } from './support/agent.ts';
import { findHierarchy, makeCgroup } from './support/cgroups.ts';
import { ownNamespaces } from './support/namespaces.ts';
import { cannotUseBpf } from './support/observe.ts';
import { PATIENCE } from './support/patience.ts';

const skip = cannotUseBpf();
const hostProc = mkdtempSync(join(tmpdir(), 'cognitod-host-proc-'));
after(() => rmdirSync(hostProc));

const FREE = ['--api-listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'];
const UID = '1399d9c7-c86f-4371-8568-07b3d32258a4';

async function startSleeper(t: TestContext): Promise<ChildProcess> {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child;
}

async function show(agent: RunningAgent, { pid }: ChildProcess): Promise<ProcessJson | undefined> {
  const args = ['ps', '--json', '--state', 'all', '--pid', String(pid), '--api', agent.api];
  return JSON.parse((await runCognitod(args)).stdout).processes[0];
}

const PLACES = [
  { place: "with the host's pids, in a cgroup namespace of its own", pids: false, cgroups: true },
  { place: "in a pid namespace of its own, with the host's /proc", pids: true, cgroups: false, hostProc },
  { place: "in namespaces of its own, with the host's /proc", pids: true, cgroups: true, hostProc },
];

for (const { place, ...namespaces } of PLACES) {
  const root = findHierarchy('v2');
  test(`the whole node is seen ${place}`, {
    skip: skip || (root === undefined ? 'no v2 hierarchy is mounted' : false),
  }, async (t) => {
    const containerId = 'feedface'.repeat(8);
    const cgroup = makeCgroup(root!, `kubepods/burstable/pod${UID}/${containerId}`);
    t.after(() => cgroup.remove());
    const old = await startSleeper(t);
    const env = { COGNITOD_MODEL_HEAL_SECONDS: '1' };
    const args = namespaces.pids ? ['--proc-root', hostProc] : [];
    const agent = await startAgent({ prefix: ownNamespaces(namespaces), env, args });
    t.after(() => agent.stop());
    assert.equal((await agent.status()).ready, true);

    const young = await startSleeper(t);
    writeFileSync(cgroup.procsFile, String(young.pid));
    assert.equal(
      (await show(agent, old))?.argv?.join(' '),
      'sleep 1000',
      'from before the agent, read from /proc',
    );
    const seen = await show(agent, young);
    assert.deepEqual(
      [seen?.container_id, seen?.pod_uid, seen?.provenance],
      [containerId, UID, 'kernel-cgroup'],
    );

    // Long enough for several comparisons of the table with the list of all processes.
    await new Promise((resolve) => setTimeout(resolve, 4500));
    assert.equal((await show(agent, old))?.state, 'running');
    const still = await show(agent, young);
    assert.deepEqual([still?.state, still?.process_id], ['running', seen?.process_id]);
    assert.deepEqual([still?.container_id, still?.provenance], [containerId, 'kernel-cgroup']);
    const { ledger } = await agent.status();
    assert.deepEqual(ledger.healed, { exit_unseen: 0, fork_unseen: 0, reopened: 0 });

    for (const child of [old, young]) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal((await show(agent, child))?.exit_signal, 9);
    }
  });
}

test("with another container's /proc the agent refuses to start and says what to do", { skip }, async () => {
  const prefix = ownNamespaces({ pids: true, cgroups: false });
  for (const collector of ['auto', 'ebpf']) {
    const end = await runCognitod(['agent', '--quiet', '--collector', collector, ...FREE], { prefix });
    assert.equal(end.code, 1);
    assert.match(
      end.stderr,
      /\/proc shows the processes of a container, not those of the node: the agent is process \d+ /,
    );
    assert.match(end.stderr, /hostPID: true, or mount the host's \/proc read-only/);
  }
});

test('a procfs collector in a container says that it sees only that', { skip }, async (t) => {
  const prefix = ownNamespaces({ pids: true, cgroups: false });
  const agent = await startAgent({ prefix, args: ['--collector', 'procfs'] });
  t.after(() => agent.stop());
  const { ready, collector, processes } = await agent.status();
  assert.equal(ready, false);
  assert.match(collector.hooks.join(), /only the processes of the agent's own container, or of the pod/);
  assert.ok(processes.running < 10);
});

const POD = {
  COGNITOD_POD_UID: UID,
  COGNITOD_POD_NAME: 'checkout-0',
  COGNITOD_POD_NAMESPACE: 'payments',
};

test('a sidecar tells everything that it sees with its own pod', { skip }, async (t) => {
  const besides = ['sh', '-c', 'sleep 1000 & exec "$@"', 'sh'];
  const prefix = [...ownNamespaces({ pids: true, cgroups: true }), ...besides];
  const agent = await startAgent({ prefix, args: ['--collector', 'procfs'], env: POD });
  t.after(() => agent.stop());
  const list = ['ps', '--json', '--api', agent.api];
  const { processes } = JSON.parse((await runCognitod(list)).stdout) as { processes: ProcessJson[] };
  assert.ok(processes.some(({ argv }) => argv?.join(' ') === 'sleep 1000'));
  for (const process of processes) {
    const { pod_uid, pod_name, namespace, tags, provenance, metadata_provenance: parts } = process;
    assert.deepEqual([pod_uid, pod_name, namespace], [UID, 'checkout-0', 'payments']);
    assert.equal(provenance, 'downward-api');
    assert.equal(parts?.pod, 'downward-api');
    assert.deepEqual(tags, [`k8s_pod:${UID}`]);
  }
  const answer = await fetch(`${agent.api}/api/v1/self-test`, { method: 'POST' });
  const { ok, reason, place } = (await answer.json()) as SelfTestJson;
  assert.ok(ok, reason);
  assert.deepEqual([place?.kind, place?.pod_name, place?.provenance], ['pod', 'checkout-0', 'downward-api']);
});

for (const collector of ['ebpf', 'procfs']) {
  test(`an agent that sees more than one pod does not take them for its own (${collector})`, {
    skip,
  }, async (t) => {
    const sleeper = await startSleeper(t);
    const agent = await startAgent({ args: ['--collector', collector], env: POD });
    t.after(() => agent.kill('SIGKILL'));
    const shown = await show(agent, sleeper);
    assert.deepEqual([shown?.pod_uid, shown?.pod_name], [null, undefined]);
    const { stderr } = await agent.stop();
    assert.match(stderr, /pod\.uid is ignored/);
  });
}

/** Ten days ahead of the node. */
const OFFSET_SECONDS = 864_000;
const inTimeNamespace = (boottime: number) => [
  'unshare',
  '-T',
  ...['--boottime', String(boottime), '--monotonic', String(boottime)],
  ...['--fork', '--kill-child'],
];
const timeNamespaces = spawnSync('unshare', ['-T', 'true']).status === 0;

for (const collector of ['ebpf', 'procfs']) {
  test(`in a time namespace all times are those of the node (${collector})`, {
    skip: skip || (timeNamespaces ? false : 'no time namespace can be made here'),
  }, async (t) => {
    const old = await startSleeper(t);
    const args = ['--collector', collector];
    const env = { COGNITOD_MODEL_HEAL_SECONDS: '1', COGNITOD_PROCFS_INTERVAL_MS: '100' };
    const agent = await startAgent({ prefix: inTimeNamespace(OFFSET_SECONDS), args, env });
    t.after(() => agent.stop());
    assert.equal((await agent.status()).time_namespace_offset_seconds, OFFSET_SECONDS);
    const beforeMs = Date.now();
    const young = await startSleeper(t);
    const afterMs = Date.now();
    await eventually(async () => (await show(agent, young)) !== undefined);
    const seen = (await show(agent, young))!;
    const startMs = Date.parse(seen.start_time);
    // A look at /proc gives whole clock ticks.
    assert.ok(startMs >= beforeMs - 20 && startMs <= afterMs + 20, `${seen.start_time}, not ${beforeMs}`);

    // Compared with the list of all processes several times, and measured: they are the same processes all the while.
    const usage = await (await fetch(`${agent.api}/api/v1/processes?sort=cpu`)).json();
    const [measured] = (usage as { processes: ProcessJson[] }).processes.filter(({ pid }) => pid === old.pid);
    assert.ok((measured?.usage?.rss_bytes ?? 0) > 0, 'the process is recognised in /proc');
    await new Promise((resolve) => setTimeout(resolve, 4500));
    assert.equal((await show(agent, old))?.state, 'running');
    assert.equal((await show(agent, young))?.process_id, seen.process_id);
    const { ledger } = await agent.status();
    // No more was taken for ended than exits that a full ring lost.
    assert.ok(ledger.healed.exit_unseen <= ledger.exit.lost, JSON.stringify(ledger));
    assert.equal(ledger.healed.reopened, 0);

    const gone = once(young, 'exit');
    young.kill('SIGKILL');
    await gone;
    await eventually(async () => (await show(agent, young))?.state === 'exited');
    await new Promise((resolve) => setTimeout(resolve, 2500));
    assert.equal((await show(agent, young))?.state, 'exited', 'it is remembered for its time');
  });
}

test('a time namespace that cannot be allowed for is refused with the reason', {
  skip: skip || (timeNamespaces ? false : 'no time namespace can be made here'),
}, async () => {
  const prefix = ['timeout', '-k', '1', String(60 * PATIENCE), ...inTimeNamespace(-60)];
  const end = await runCognitod(['agent', '--quiet', ...FREE], { prefix });
  assert.equal(end.code, 1);
  assert.match(
    end.stderr,
    /in a time namespace that it cannot allow for: its clock is behind that of the node/,
  );
});

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 60_000 * PATIENCE; !(await holds()); )
    assert.ok(performance.now() < end, 'never');
}
