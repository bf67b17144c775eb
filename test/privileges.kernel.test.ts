// What the running agent holds: nothing, in any thread, and what was given up for it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { missingOf, type ProcessJson } from '../src/api/index.ts';
import { type RunningAgent, runCognitod, startAgent } from './support/agent.ts';
import { startWorkload } from './support/workload.ts';

const skip = process.getuid?.() === 0 ? false : 'needs root';
const EBPF = ['--collector', 'ebpf'];
const EMPTY = '0000000000000000';
const SETS = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'NoNewPrivs'] as const;

/** From every thread's own status, by name of the set: the different values. */
function readThreads(pid: number): Record<(typeof SETS)[number], string[]> {
  const statuses = readdirSync(`/proc/${pid}/task`).map((tid) =>
    readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8'),
  );
  assert.ok(statuses.length >= 5, 'Node has more threads than one');
  const values = (name: string) => [
    ...new Set(statuses.map((status) => new RegExp(`^${name}:\\s+(\\w+)$`, 'm').exec(status)![1]!)),
  ];
  return Object.fromEntries(SETS.map((name) => [name, values(name)])) as Record<
    (typeof SETS)[number],
    string[]
  >;
}

const NOTHING = {
  CapInh: [EMPTY],
  CapPrm: [EMPTY],
  CapEff: [EMPTY],
  CapBnd: [EMPTY],
  CapAmb: [EMPTY],
  NoNewPrivs: ['1'],
};

/** Beside the agent from before its start: what executable does it show? */
async function executableOfOlderProcess(env: Record<string, string>): Promise<string | null> {
  const older = spawn('sleep', ['1000'], { stdio: 'ignore' });
  await once(older, 'spawn');
  let agent: RunningAgent | undefined;
  try {
    agent = await startAgent({ args: EBPF, env });
    const url = `${agent.api}/api/v1/processes/${older.pid}`;
    for (let tries = 0; tries < 100; tries++) {
      const shown = (await (await fetch(url)).json()) as ProcessJson;
      if (shown.argv !== null) return shown.executable;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('the arguments of the older process were never read');
  } finally {
    await agent?.stop();
    const gone = once(older, 'exit');
    older.kill('SIGKILL');
    await gone;
  }
}

for (const collector of ['ebpf', 'procfs']) {
  test(`collector ${collector}: no thread holds a capability, and none can come back`, { skip }, async () => {
    const agent = await startAgent({ args: ['--collector', collector] });
    try {
      assert.deepEqual(readThreads(agent.pid), NOTHING);
      const { privileges } = await agent.status();
      for (const set of ['effective', 'permitted', 'inheritable', 'bounding', 'ambient'] as const)
        assert.deepEqual(privileges[`cap_${set}`], []);
      assert.equal(privileges.no_new_privs, true);
      assert.equal(privileges.dropped, true);
      assert.equal(privileges.threads, readdirSync(`/proc/${agent.pid}/task`).length);
      assert.ok((privileges.privileged_seconds ?? 0) > 0);
      assert.deepEqual(agent.started.capabilities, []);
      // The handover is in no environment that a reader of /proc could take for something.
      assert.doesNotMatch(JSON.stringify(await agent.status()), /HANDOVER/);
    } finally {
      await agent.stop();
    }
  });
}

test('nothing that happens during the exec into the agent proper is lost', { skip }, async () => {
  const workload = startWorkload('vforks', 30_000, 2);
  const agent = await startAgent({ args: EBPF });
  await workload.finish();
  const { ledger } = await agent.stop();
  assert.ok(ledger !== undefined);
  for (const type of ['fork', 'exec', 'exit'] as const) {
    assert.equal(missingOf(ledger[type]), 0, type);
    assert.equal(ledger[type].decoded, ledger[type].kernel, type);
  }
  // Whoever was told of at the start was there, or is told of in the ring: nothing had to be healed.
  assert.deepEqual(ledger.healed, { exit_unseen: 0, fork_unseen: 0, reopened: 0 });
});

test('SYS_PTRACE is kept when it is asked for, and is what executables of others need', {
  skip,
}, async () => {
  const keep = { COGNITOD_PRIVILEGES_KEEP: 'SYS_PTRACE' };
  assert.equal(await executableOfOlderProcess({}), null);
  assert.match((await executableOfOlderProcess(keep)) ?? '', /\/(sleep|coreutils)$/);
  const agent = await startAgent({ args: EBPF, env: keep });
  try {
    const ptrace = (1n << 19n).toString(16).padStart(16, '0');
    const { CapPrm, CapBnd, CapEff } = readThreads(agent.pid);
    assert.deepEqual([CapPrm, CapBnd, CapEff], [[ptrace], [ptrace], [ptrace]]);
    assert.deepEqual((await agent.status()).privileges.kept, ['CAP_SYS_PTRACE']);
  } finally {
    await agent.stop();
  }
});

test('privileges.drop false keeps everything and says so', { skip }, async () => {
  const agent = await startAgent({ args: EBPF, env: { COGNITOD_PRIVILEGES_DROP: 'false' } });
  try {
    const { privileges } = await agent.status();
    assert.equal(privileges.dropped, false);
    assert.equal(privileges.privileged_seconds, null);
    assert.ok(privileges.cap_effective.includes('CAP_BPF'));
  } finally {
    await agent.stop();
  }
});

test('BPF and PERFMON are enough; without SETPCAP the bounding set stays, of no use', { skip }, async () => {
  const agent = await startAgent({ args: EBPF, prefix: only('+bpf,+perfmon') });
  try {
    const { CapBnd, ...rest } = readThreads(agent.pid);
    const { CapBnd: _, ...nothing } = NOTHING;
    assert.deepEqual(rest, nothing);
    assert.deepEqual(CapBnd, [((1n << 38n) | (1n << 39n)).toString(16).padStart(16, '0')]);
  } finally {
    await agent.stop();
  }
});

for (const missing of ['CAP_BPF', 'CAP_PERFMON']) {
  test(`${missing} alone missing is named`, { skip }, async () => {
    const there = missing === 'CAP_BPF' ? '+perfmon' : '+bpf';
    const end = await runCognitod(['agent', ...EBPF, '--api-listen', '127.0.0.1:0'], { prefix: only(there) });
    assert.equal(end.code, 1);
    assert.match(end.stderr, new RegExp(`\\(E(PERM|ACCES)\\): ${missing} is missing`));
  });
}

test('a handover that is meant for another process is not taken', { skip }, async () => {
  const handover = { pid: 1, privilegedSeconds: 0, kept: [], reason: 'forged', programs: null };
  const agent = await startAgent({ args: EBPF, env: { COGNITOD_HANDOVER: JSON.stringify(handover) } });
  try {
    assert.equal((await agent.status()).collector.kind, 'ebpf');
  } finally {
    await agent.stop();
  }
});

/** Runs as root with these capabilities alone. */
const only = (capabilities: string) => ['setpriv', '--inh-caps=-all', `--bounding-set=-all,${capabilities}`];
