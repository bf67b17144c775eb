// A running agent whose system calls fail for a while, as on a disk that breaks, a policy that changes, a machine without memory:
// strace answers in the kernel's place. It lives on, tells what failed, and nothing that it had is lost. Needs root and BPF.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { StatusJson } from '../src/api/index.ts';
import { verifyChain } from '../src/lib/hash-chain.ts';
import { openStream, type RunningAgent, startAgent } from './support/agent.ts';
import { cannotUseBpf } from './support/observe.ts';
import { PATIENCE } from './support/patience.ts';
import { runWorkload } from './support/workload.ts';

const strace = spawnSync('strace', ['-V']).error === undefined ? false : 'strace is not installed';
const skip = cannotUseBpf() || strace;
const PATIENCE_MS = 120_000 * PATIENCE;
/** Longer than the pauses of what is done again every second, and every ten. */
const SHORT_MS = 1500;
const LONG_MS = 10_500;

interface Fault {
  /** What goes wrong, for people. */
  readonly what: string;
  /** As `strace -e inject=` has it. */
  readonly inject: readonly string[];
  /** The file of the evidence is taken away before, so that it must be written anew. */
  readonly evidence?: true;
  readonly lastsMs?: number;
  /** How the status tells of it when it is over. */
  readonly told?: (status: StatusJson, before: StatusJson) => boolean;
}

const OPENS = 'openat,openat2,open';
const LOOKS = 'statx,newfstatat,readlink,readlinkat,getdents64';
const failuresIn = ({ tasks }: StatusJson) => tasks.reduce((sum, { failures }) => sum + failures, 0);
const taskTold = (status: StatusJson, before: StatusJson) => failuresIn(status) > failuresIn(before);
const evidenceTold = ({ evidence }: StatusJson, before: StatusJson) =>
  evidence.failed_writes > before.evidence.failed_writes;

const FAULTS: readonly Fault[] = [
  {
    what: 'no file can be opened: the disk fails',
    inject: [`${OPENS}:error=EIO`],
    lastsMs: LONG_MS,
    told: taskTold,
  },
  { what: 'no file may be opened', inject: [`${OPENS}:error=EACCES`] },
  { what: 'the kernel has no memory for files', inject: [`${OPENS}:error=ENOMEM`] },
  { what: 'nothing can be looked at', inject: [`${LOOKS}:error=EIO`] },
  { what: 'nothing may be looked at', inject: [`${LOOKS}:error=EACCES`] },
  {
    what: 'evidence cannot be made durable',
    inject: ['fsync,fdatasync:error=EIO'],
    evidence: true,
    lastsMs: LONG_MS,
    told: evidenceTold,
  },
  {
    what: 'evidence cannot get its name',
    inject: ['rename,renameat,renameat2:error=EACCES'],
    evidence: true,
    lastsMs: LONG_MS,
    told: evidenceTold,
  },
  { what: 'the kernel refuses BPF', inject: ['bpf:error=EPERM'], told: taskTold },
  { what: 'the kernel has no memory for BPF', inject: ['bpf:error=ENOMEM'], told: taskTold },
  { what: 'no connection can be taken', inject: ['accept4:error=ENOMEM'] },
  { what: 'connections are aborted before they are taken', inject: ['accept4:error=ECONNABORTED'] },
];

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(agent: RunningAgent, holds: (status: StatusJson) => boolean): Promise<StatusJson> {
  for (const end = performance.now() + PATIENCE_MS; ; await pause(100)) {
    const status = await agent.status();
    if (holds(status)) return status;
    assert.ok(performance.now() < end, `not in ${PATIENCE_MS} ms: ${JSON.stringify(status)}`);
  }
}

/** While `meanwhile` runs, system calls of the process fail. */
async function inject(pid: number, { inject: faults }: Fault, meanwhile: () => Promise<void>): Promise<void> {
  const injections = faults.flatMap((text) => ['-e', `inject=${text}`]);
  const calls = faults.map((text) => text.split(':')[0]).join(',');
  const args = ['-f', '-p', String(pid), '-o', '/dev/null', '-e', `trace=${calls}`, ...injections];
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve) => tracer.on('close', resolve));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    tracer.stderr.on('data', (data) => {
      said += data;
      if (/ attached/.test(said)) resolve();
    });
    tracer.on('close', () => reject(new Error(`strace ended: ${said}`)));
  });
  try {
    await meanwhile();
  } finally {
    tracer.kill('SIGINT');
    await ended;
  }
}

async function start(t: TestContext, directory: string): Promise<RunningAgent> {
  const agent = await startAgent({
    env: {
      COGNITOD_EVIDENCE_DIRECTORY: directory,
      COGNITOD_MODEL_HEAL_SECONDS: '1',
    },
  });
  t.after(() => agent.kill('SIGKILL'));
  return agent;
}

test('an agent whose system calls fail for a while lives on, tells what failed, and loses nothing', {
  skip,
  timeout: 600_000 * PATIENCE,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-injected-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const agent = await start(t, directory);
  const first = await agent.status();
  const stream = await openStream(agent);
  t.after(() => stream.stop());
  const file = join(directory, 'evidence.jsonl');
  for (const fault of FAULTS) {
    await t.test(fault.what, async () => {
      const before = await agent.status();
      if (fault.evidence) rmSync(file);
      await inject(agent.pid, fault, async () => {
        await runWorkload('execs', 100);
        await pause(fault.lastsMs ?? SHORT_MS);
      });
      const after = await until(
        agent,
        ({ tasks, ledger, evidence }) =>
          tasks.every(({ failing }) => failing === null) &&
          (!fault.evidence || evidence.losses > before.evidence.losses) &&
          ledger.exec.decoded >= before.ledger.exec.decoded + 100,
      );
      assert.deepEqual([after.pid, after.started_at], [first.pid, first.started_at], 'the same run');
      const { exec, exit, healed } = after.ledger;
      assert.deepEqual([exec.lost, exit.lost, healed.reopened], [0, 0, 0]);
      const told = fault.told?.(after, before) ?? true;
      assert.ok(told, JSON.stringify([after.tasks, after.evidence]));
    });
  }
  assert.deepEqual(stream.gaps, []);
  const { code, stderr } = await agent.stop();
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /a bug in the agent/);
  assert.deepEqual(verifyChain(readFileSync(file, 'utf8')).problems, []);
});
