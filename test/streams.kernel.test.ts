// Streams of the real agent: clients that come back, the live list, and clients that do not read. Needs root and BPF.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type LiveRecordJson, liveRecordSchema, missingIn } from '../src/api/index.ts';
import { readStream, type StreamReader } from '../src/serve/stream.fixture.ts';
import { COGNITOD, openStream, type RunningAgent, runCognitod, startAgent } from './support/agent.ts';
import { cannotUseBpf } from './support/observe.ts';
import { buildWorkload, runWorkload } from './support/workload.ts';

const skip = cannotUseBpf();
/** Fewer where the machine is emulated. */
const SILENT_CLIENTS = Number(process.env.TEST_CLIENTS ?? 200);
let agent: RunningAgent;
const folder = mkdtempSync(join(tmpdir(), 'cognitod-streams-'));
const socket = join(folder, 'api.sock');

before(async () => {
  buildWorkload();
  if (skip === false) agent = await startAgent({ env: { COGNITOD_API_SOCKET: socket } });
});
after(async () => {
  await agent?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('the command line asks over the Unix socket', { skip }, async () => {
  const { code, stdout } = await runCognitod(['status', '--json', '--api', `unix:${socket}`]);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).pid, (await agent.status()).pid);
});

test('a client that comes back gets every event of a workload that ran without it', { skip }, async () => {
  const first = await readStream(`${agent.api}/api/v1/events`);
  const id = first.messages[0]!.id!;
  first.close();
  const { pid } = await runWorkload('execs', 500, 2);
  const second = await readStream(`${agent.api}/api/v1/events`, { 'last-event-id': id });
  const events = () =>
    second.messages
      .filter(({ event }) => event === 'fork' || event === 'exec' || event === 'exit')
      .map(({ data }) => JSON.parse(data));
  await second.until(() => events().some((event) => event.pid === pid && event.type === 'exit'));
  second.close();
  assert.equal(second.named('gap').length, 0);
  const parents = new Set(
    events()
      .filter((event) => event.type === 'fork' && event.ppid === pid)
      .map((event) => event.pid),
  );
  const ours = events().filter((event) => parents.has(event.ppid) || parents.has(event.pid));
  assert.equal(ours.length, 3 * 500 + 4);
});

test('the live list has what /proc has, then what starts and what ends, and counts what is short', {
  skip,
}, async (t) => {
  const live = await readStream(`${agent.api}/api/v1/processes/live`);
  t.after(() => live.close());
  const records = (): LiveRecordJson[] =>
    live.messages.map(({ data }) => liveRecordSchema.parse(JSON.parse(data)));
  const find = <T extends LiveRecordJson['type']>(type: T) =>
    records().filter((record) => record.type === type) as Extract<LiveRecordJson, { type: T }>[];
  await live.until(() => live.named('snapshot-end').length === 1);
  assert.ok(find('snapshot').some(({ process: { pid } }) => pid === process.pid));
  assert.equal(find('snapshot').length, find('snapshot-end')[0]!.processes);
  const child = spawn('sleep', ['600']);
  t.after(() => child.kill('SIGKILL'));
  const upsertOf = (pid: number) => find('process').findLast(({ process: one }) => one.pid === pid);
  await live.until(() => upsertOf(child.pid!)?.process.comm === 'sleep');
  // Each is either told by itself or counted as short; on a slow machine some live longer than the time between two tellings.
  const already = new Set(find('process').map(({ process: { pid } }) => pid));
  await runWorkload('execs', 30, 1);
  const count = () => find('short-lived').reduce((sum, record) => sum + record.count, 0);
  const told = () => find('process').filter(({ process: { pid } }) => !already.has(pid)).length;
  await live.until(() => count() + told() >= 30);
  assert.ok(count() > 0, 'some are short');
  child.kill('SIGKILL');
  await live.until(() => find('exit').some(({ pid }) => pid === child.pid));
  const { exit_signal_name, state } = find('exit').find(({ pid }) => pid === child.pid)!;
  assert.deepEqual([exit_signal_name, state], ['SIGKILL', 'exited']);
});

test('who comes back to the live list is given what has changed since', { skip }, async (t) => {
  const url = `${agent.api}/api/v1/processes/live?comm=sleep`;
  const before = await readStream(url);
  const kept = spawn('sleep', ['600']);
  const ended = spawn('sleep', ['600']);
  t.after(() => [kept, ended].map((child) => child.kill('SIGKILL')));
  const pidsOf = (stream: Pick<StreamReader, 'named'>, type: string): number[] =>
    stream
      .named(type)
      .map(({ data }) => JSON.parse(data))
      .map(({ pid, process }) => pid ?? process.pid);
  await before.until(() => {
    const pids = pidsOf(before, 'process');
    return [kept.pid!, ended.pid!].every((pid) => pids.includes(pid));
  });
  await before.until(() => before.messages.at(-1)!.id !== undefined);
  const lastId = before.messages.at(-1)!.id!;
  before.close();
  ended.kill('SIGKILL');
  await once(ended, 'exit');
  const added = spawn('sleep', ['600']);
  t.after(() => added.kill('SIGKILL'));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const after = await readStream(url, { 'last-event-id': lastId });
  t.after(() => after.close());
  await after.until(
    () => pidsOf(after, 'exit').includes(ended.pid!) && pidsOf(after, 'process').includes(added.pid!),
  );
  assert.equal(JSON.parse(after.named('ready')[0]!.data).resumed, true);
  assert.equal(after.named('snapshot').length + after.named('snapshot-end').length, 0);
  assert.equal(pidsOf(after, 'process').includes(kept.pid!), false, 'it has not changed');
});

test(`${SILENT_CLIENTS} clients that do not read cost neither the kernel nor a client that reads a single event`, {
  skip,
}, async (t) => {
  const { hostname, port } = new URL(agent.api);
  const silent = Array.from({ length: SILENT_CLIENTS }, () => connect(Number(port), hostname));
  t.after(() => {
    for (const each of silent) each.destroy();
  });
  for (const each of silent) {
    each.on('error', () => {}).pause();
    each.write(`GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  }
  const stream = await openStream(agent);
  // Not at full speed: that a busy machine loses events in the ring by itself is not the question.
  const pids = new Set<number>();
  for (let burst = 0; burst < 10; burst++) {
    pids.add((await runWorkload('execs', 200, 2)).pid);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stream.until(
    (events) => events.filter(({ pid, type }) => type === 'exit' && pids.has(pid)).length === pids.size,
  );
  const { ledger, clients, memory } = await agent.status();
  assert.equal(clients, SILENT_CLIENTS + 1);
  assert.equal(missingIn(ledger), 0);
  const parents = new Set(
    stream.events.filter((event) => event.type === 'fork' && pids.has(event.ppid)).map((event) => event.pid),
  );
  const ours = stream.events.filter((event) => parents.has(event.ppid) || parents.has(event.pid));
  assert.deepEqual([ours.length, stream.gaps.length], [10 * (3 * 200 + 4), 0]);
  t.diagnostic(`the agent has ${Math.round(memory.rss_bytes / 1e6)} MB`);
  await stream.stop();
});

test('cognitod stream notices a restart of the agent, says so and goes on', { skip }, async (t) => {
  const path = join(folder, 'restarted.sock');
  const start = () => startAgent({ env: { COGNITOD_API_SOCKET: path } });
  let restarted = await start();
  t.after(() => restarted.stop());
  // Without --retry it gives up after ten seconds, in which a slow machine does not start an agent.
  const child = spawn(COGNITOD, ['stream', '--retry', '--json', '--type', 'exec', '--api', `unix:${path}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const told = async (source: NodeJS.ReadableStream, holds: () => boolean) => {
    const ended = once(child, 'exit').then(([code]) =>
      assert.fail(`the client ended with ${code}: ${stderr}`),
    );
    while (!holds()) await Promise.race([once(source, 'data'), ended]);
    ended.catch(() => {});
  };
  await told(child.stderr, () => stderr.includes('connected to'));
  await restarted.stop();
  restarted = await start();
  await told(child.stderr, () => stderr.includes('connected again'));
  spawnSync('true', ['after-the-restart']);
  await told(child.stdout, () => stdout.includes('after-the-restart'));
  const gap = stdout.split('\n').find((line) => line.includes('"gap"'));
  assert.deepEqual([JSON.parse(gap!).lost, JSON.parse(gap!).reason], [null, 'other-run']);
});
