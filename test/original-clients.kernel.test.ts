// The programs of the first cognitod, pointed at a real agent: docs/compat.md says how to build them. Needs root and BPF.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { collect, startAgent } from './support/agent.ts';
import { cannotUseBpf } from './support/observe.ts';

const CLI = process.env.ORIGINAL_CLI;
const REASONER = process.env.ORIGINAL_REASONER;
const without = (name: string, program: string | undefined) =>
  program === undefined ? `${name} is not set (docs/compat.md)` : cannotUseBpf();
const cliSkip = without('ORIGINAL_CLI', CLI);
const reasonerSkip = without('ORIGINAL_REASONER', REASONER);
const LIMIT_MS = 20_000;

const runTo = (program: string, args: readonly string[], env: Record<string, string> = {}) =>
  collect(spawn(program, args, { env: { ...process.env, ...env }, timeout: LIMIT_MS }));

/** Starts a program that does not end by itself, and resolves with its output once that matches. */
async function readUntil(t: TestContext, program: string, args: readonly string[], act: () => RegExp) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  let wanted: RegExp | null = null;
  const signal = AbortSignal.timeout(LIMIT_MS);
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  // It says nothing of its own when it is connected: what happens meanwhile anywhere does.
  while (wanted === null || !wanted.test(text)) {
    wanted = act();
    await new Promise((resolve) => setTimeout(resolve, 300));
    signal.throwIfAborted();
  }
  child.kill('SIGKILL');
  return text;
}

async function start(t: TestContext, env: Record<string, string> = {}) {
  const agent = await startAgent({ env });
  t.after(() => agent.kill('SIGKILL'));
  return agent;
}

const sleeper = (t: TestContext): number => {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  return child.pid!;
};

test('linnix-cli: status, processes, doctor, and what is empty here', { skip: cliSkip }, async (t) => {
  const { api } = await start(t);
  const ask = (...args: string[]) => runTo(CLI!, ['--url', api, ...args]);
  const stats = await ask('--stats');
  assert.equal(stats.code, 0, stats.stderr);
  assert.match(stats.stdout, /^cpu_pct .* offline\n[\d.]+ +\d+ +\d+ +0 +0 +true\n$/);
  const pid = sleeper(t);
  const processes = await ask('processes');
  assert.match(processes.stdout, new RegExp(`^${pid} +${process.pid} .* sleep$`, 'm'));
  const doctor = await ask('doctor');
  assert.equal(doctor.code, 0, doctor.stderr);
  assert.match(doctor.stdout, /Agent Connectivity: OK/);
  assert.match(doctor.stdout, /BPF Probes: +(Active|Idle) \(\d+ events\/sec\)/);
  assert.match(doctor.stdout, /Dropped Events: +0/);
  const report = await ask('export', '--since', '15m', '--rule', 'fork_storm');
  assert.deepEqual([report.code, report.stdout.split('\n')[0]], [0, 'Incident: fork_storm']);
  const investigation = await ask('investigate', 'payments/api-7f9', '--since', '20m');
  assert.equal(investigation.code, 0, investigation.stderr);
  assert.match(investigation.stdout, /No contention attributed to any neighbour/);
  const explanation = await ask('explain', '1');
  assert.equal(explanation.code, 1);
  assert.match(explanation.stderr, /no incident #1/);
});

test('linnix-cli: the stream', { skip: cliSkip }, async (t) => {
  const { api } = await start(t);
  const text = await readUntil(t, CLI!, ['--url', api, '--no-color'], () => {
    const { pid } = spawn('true', { stdio: 'ignore' });
    return new RegExp(`\\[EXIT\\] +PID ${pid} +CMD true`);
  });
  const pid = /\[EXIT\] +PID (\d+) +CMD true/.exec(text)![1];
  assert.match(text, new RegExp(`\\[FORK\\] +PID ${pid} +PPID ${process.pid} `));
  assert.match(text, new RegExp(`\\[EXEC\\] +PID ${pid} +PPID ${process.pid} .* CMD true`));
});

test('linnix-cli: an agent that asks for a token', { skip: cliSkip }, async (t) => {
  const token = 'a-token-of-some-length';
  const { api } = await start(t, { COGNITOD_API_TOKEN: token });
  const refused = await runTo(CLI!, ['--url', api, 'processes']);
  assert.notEqual(refused.code, 0);
  const { code, stdout } = await runTo(CLI!, ['--url', api, 'processes'], { LINNIX_API_TOKEN: token });
  assert.equal(code, 0);
  assert.match(stdout, new RegExp(`^${process.pid} `, 'm'));
});

test('linnix-reasoner: stream, insights, and an analysis of what we say of the system', {
  skip: reasonerSkip,
}, async (t) => {
  const { api } = await start(t);
  const lines = await readUntil(t, REASONER!, ['--host', api, '--stream', '--no-color'], () => {
    const { pid } = spawn('true', { stdio: 'ignore' });
    return new RegExp(`PID=${pid} .* TYPE=Exit`);
  });
  assert.match(lines, new RegExp(`PPID=${process.pid} COMM=true UID=0 TAGS=\\[\\] TYPE=Exec`));
  const insights = await runTo(REASONER!, ['--host', api, '--insights']);
  assert.match(insights.stdout, /No language model is configured/);

  let prompt = '';
  const model = createServer(async (request, response) => {
    for await (const chunk of request) prompt += chunk;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ choices: [{ message: { role: 'assistant', content: 'all is well' } }] }));
  });
  model.listen(0, '127.0.0.1');
  t.after(() => model.close());
  await once(model, 'listening');
  const endpoint = `http://127.0.0.1:${(model.address() as AddressInfo).port}/v1/chat/completions`;
  const args = ['--host', api, '--endpoint', endpoint, '--api-key', 'none'];
  const { code, stdout } = await runTo(REASONER!, args);
  assert.equal(code, 0);
  assert.match(stdout, /all is well/);
  assert.match(JSON.parse(prompt).messages[1].content, /CPU usage: +[\d.]+%\n +Memory usage: +[\d.]+%/);
});
