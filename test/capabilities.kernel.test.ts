// Capabilities of real processes as the agent shows them: from before its start, after an exec, and dropped without one.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { ProcessJson, ProcessPageJson } from '../src/api/index.ts';
import { type RunningAgent, runCognitod, startAgent } from './support/agent.ts';
import { cannotUseBpf } from './support/observe.ts';
import { PATIENCE } from './support/patience.ts';

const skip = cannotUseBpf();
const PATIENCE_MS = 40_000 * PATIENCE;
const NONE = '0000000000000000';

/** Gives up being root when it is told to, without an exec. */
const FALLING = `process.stdin.once('data', () => process.seteuid(65532)); process.stdout.write('ready')`;

function start(t: TestContext, command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  });
  return child;
}

/** A program that sleeps with these capabilities and no others. */
const sleepWith = (t: TestContext, capabilities: string) =>
  start(t, 'setpriv', ['--inh-caps=-all', `--bounding-set=-all${capabilities}`, 'sleep', '1000']);

async function until<T>(get: () => T | undefined | Promise<T | undefined>, what: string): Promise<T> {
  for (const end = performance.now() + PATIENCE_MS; ; ) {
    const value = await get();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Error(`in ${PATIENCE_MS} ms not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const sleeps = ({ pid }: ChildProcess) =>
  until(
    () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n' || undefined,
    'the program is under way',
  );

async function shown({ api }: RunningAgent, { pid }: ChildProcess): Promise<ProcessJson | undefined> {
  const response = await fetch(`${api}/api/v1/processes/${pid}`);
  return response.ok ? ((await response.json()) as ProcessJson) : undefined;
}

for (const collector of ['ebpf', 'procfs']) {
  test(`collector ${collector}: a process has its capabilities wherever it is shown`, {
    skip,
    timeout: 150_000,
  }, async (t) => {
    const older = sleepWith(t, ',+net_bind_service');
    const powerless = sleepWith(t, '');
    const falling = start(t, process.execPath, ['-e', FALLING]);
    await Promise.all([sleeps(older), sleeps(powerless)]);
    await new Promise((resolve) => falling.stdout!.once('data', resolve));
    const env = { COGNITOD_MODEL_HEAL_SECONDS: '1' };
    const agent = await startAgent({ args: ['--collector', collector], env });
    t.after(() => agent.stop());

    const own = /^CapEff:\s+(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1];
    assert.notEqual(own, NONE);
    assert.equal((await shown(agent, older))?.cap_effective, '0000000000000400');
    assert.equal((await shown(agent, powerless))?.cap_effective, NONE);
    assert.equal((await shown(agent, falling))?.cap_effective, own);

    const newer = sleepWith(t, ',+kill,+net_raw');
    const execed = await until(async () => {
      const process = await shown(agent, newer);
      return process?.comm === 'sleep' ? process : undefined;
    }, 'the exec is seen');
    assert.equal(execed.born, 'fork');
    assert.equal(execed.cap_effective, '0000000000002020');

    const page = (await (
      await fetch(`${agent.api}/api/v1/processes?limit=1000&comm=sleep`)
    ).json()) as ProcessPageJson;
    const listed = new Map(page.processes.map((process) => [process.pid, process.cap_effective]));
    assert.deepEqual(
      [older, powerless, newer].map(({ pid }) => listed.get(pid!)),
      ['0000000000000400', NONE, '0000000000002020'],
    );
    const { stdout } = await runCognitod(['show', String(newer.pid), '--api', agent.api]);
    assert.match(stdout, /^capabilities +KILL, NET_RAW$/m);

    falling.stdin!.write('now');
    const fallen = await until(async () => {
      const process = await shown(agent, falling);
      return process?.cap_effective === own ? undefined : process;
    }, 'what a process drops without an exec is found');
    assert.deepEqual([fallen.uid, fallen.euid, fallen.cap_effective], [0, 65532, NONE]);
  });
}
