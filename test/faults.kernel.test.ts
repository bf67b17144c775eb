// A running agent from which the machine takes away what it needs for a while: it lives on, tells what failed, and goes on
// when it has it again. Needs root and BPF.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { StatusJson } from '../src/api/index.ts';
import { verifyChain } from '../src/lib/hash-chain.ts';
import { type RunningAgent, startAgent } from './support/agent.ts';
import { cannotUseBpf } from './support/observe.ts';
import { PATIENCE } from './support/patience.ts';
import { runWorkload } from './support/workload.ts';

const skip = cannotUseBpf();
/** Far more than anything here takes: only what never comes fails. */
const PATIENCE_MS = 120_000 * PATIENCE;

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-faults-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

async function start(t: TestContext, directory: string, collector: string): Promise<RunningAgent> {
  const agent = await startAgent({
    args: ['--collector', collector],
    env: { COGNITOD_EVIDENCE_DIRECTORY: directory, COGNITOD_MODEL_HEAL_SECONDS: '1' },
  });
  t.after(() => agent.kill('SIGKILL'));
  return agent;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(agent: RunningAgent, holds: (status: StatusJson) => boolean): Promise<StatusJson> {
  for (const end = performance.now() + PATIENCE_MS; ; await pause(200)) {
    const status = await agent.status();
    if (holds(status)) return status;
    assert.ok(performance.now() < end, `not in ${PATIENCE_MS} ms: ${JSON.stringify(status.tasks)}`);
  }
}

const limitOf = (pid: number) =>
  /^Max open files +(\d+) +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'latin1'))!;
const setLimit = (pid: number, soft: number | string, hard: string) =>
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${soft}:${hard}`]);

/** For so long every number of a descriptor that the limit allows is taken. */
async function takeDescriptors(pid: number, ms: number, meanwhile: () => Promise<void>): Promise<void> {
  const [, soft, hard] = limitOf(pid);
  const take = () => {
    const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
    let free = 0;
    while (open.has(free)) free++;
    setLimit(pid, free, hard!);
  };
  try {
    for (const end = performance.now() + ms; performance.now() < end; await pause(250)) take();
    await meanwhile();
  } finally {
    setLimit(pid, soft!, hard!);
  }
}

for (const collector of ['ebpf', 'procfs']) {
  test(`an agent (${collector}) that can open no file for a while lives on, and tells it`, {
    skip,
  }, async (t) => {
    const agent = await start(t, directoryOf(t), collector);
    const before = await until(agent, ({ processes }) => processes.running > 0);
    // Longer than the pause of any periodic work but that of the cluster's policies.
    await takeDescriptors(agent.pid, 15_000, () => assert.rejects(agent.status()));
    const after = await until(agent, ({ tasks }) => tasks.every(({ failing }) => failing === null));
    assert.equal(after.pid, before.pid);
    assert.equal(after.started_at, before.started_at, 'the same run');
    const failed = after.tasks.filter(({ failures }) => failures > 0);
    assert.ok(
      failed.some(({ name }) => name === 'keeping evidence'),
      JSON.stringify(after.tasks),
    );
    if (collector === 'ebpf') {
      assert.ok(failed.some(({ name }) => name === 'comparing processes with the kernel'));
      assert.match(failed[0]!.last_failure ?? '', /EMFILE|too many open files/);
    } else assert.ok((after.decode_errors.procfs_looks_failed ?? 0) > 0);
    const text = await agent.metrics();
    for (const { name, failures } of after.tasks)
      assert.ok(Number(new RegExp(`task_failures_total{task="${name}"} (\\d+)`).exec(text)?.[1]) >= failures);
    // Nothing that lives was taken for ended.
    const { healed } = after.ledger;
    assert.equal(healed.reopened, before.ledger.healed.reopened);
    if (collector === 'ebpf') {
      await runWorkload('execs', 100);
      const last = await until(
        agent,
        ({ ledger }) => ledger.exec.decoded >= before.ledger.exec.decoded + 100,
      );
      assert.equal(last.ledger.exec.lost, 0);
    }
    const { code, stderr } = await agent.stop();
    assert.equal(code, 0, stderr);
    assert.match(stderr, /keeping evidence failed, and is tried again/);
    assert.match(stderr, /keeping evidence works again/);
    assert.doesNotMatch(stderr, /a bug in the agent: (?!CognitodError: \/proc cannot be read)/);
  });
}

test('evidence that is taken away, or has no room, is told, and is there again', { skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-faults-'));
  t.after(() => {
    spawnSync('umount', ['-l', directory]);
    rmSync(directory, { recursive: true, force: true });
  });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', directory]);
  const agent = await start(t, directory, 'ebpf');
  const file = join(directory, 'evidence.jsonl');
  rmSync(file);
  const once = await until(agent, ({ evidence }) => evidence.losses === 1);
  assert.match(once.evidence.problem ?? '', /evidence.jsonl was removed while the agent ran/);

  renameSync(file, join(directory, 'rotated'));
  writeFileSync(join(directory, 'filler'), '');
  try {
    for (;;) appendFileSync(join(directory, 'filler'), Buffer.alloc(1024));
  } catch {}
  const full = await until(agent, ({ evidence }) => evidence.failed_writes > 0);
  assert.match(full.evidence.problem ?? '', /no space left on device/);
  truncateSync(join(directory, 'filler'));
  const again = await until(agent, ({ evidence }) => evidence.losses === 2);
  assert.match(again.evidence.problem ?? '', /was removed while the agent ran/);

  const { code } = await agent.stop();
  assert.equal(code, 0);
  const { records, problems } = verifyChain(readFileSync(file, 'utf8'));
  assert.deepEqual(problems, []);
  const told = (records as unknown as { problems: string[] }[]).flatMap((record) => record.problems);
  assert.equal(told.length, 2, told.join('\n'));
  // Nothing half made is left. The key of signatures has its own tests.
  const left = readdirSync(directory).filter((name) => name !== 'evidence.key');
  assert.deepEqual(left.sort(), ['evidence.jsonl', 'filler', 'rotated']);
});

/** Code that runs in the agent some seconds after it has started, as if it were a bug of it. */
const withBug = (t: TestContext, code: string) =>
  startAgent({
    args: ['--collector', 'procfs'],
    env: {
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`setTimeout(() => { ${code} }, 6000)`)}`,
    },
  }).then((agent) => {
    t.after(() => agent.kill('SIGKILL'));
    return agent;
  });

test('a rejection that nobody expects is told and counted, and the agent goes on', async (t) => {
  const agent = await withBug(t, "Promise.reject(new Error('nobody expects me'))");
  const counted = (status: StatusJson) =>
    status.tasks.some(({ name, failures }) => name === 'what nothing watches' && failures === 1);
  const { tasks } = await until(agent, counted);
  assert.equal(tasks.find(({ name }) => name === 'what nothing watches')?.last_failure, 'nobody expects me');
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0);
  assert.match(stderr, /a bug in the agent: Error: nobody expects me/);
});

test('an exception that nobody catches is told, and the agent ends in order, to be started again', async (t) => {
  const agent = await withBug(t, "throw new Error('nobody catches me')");
  const { code, signal, stdout, stderr } = await agent.ended;
  assert.deepEqual([code, signal], [1, null]);
  assert.match(stderr, /a bug in the agent: Error: nobody catches me/);
  assert.match(stderr, /the agent ends, to be started again/);
  assert.match(stdout, /"type":"ledger"/, 'with its account');
});
