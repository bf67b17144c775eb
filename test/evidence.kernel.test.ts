// The evidence of a real agent: true, whole, and changed by nobody.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  columnOf,
  COUNTED_KINDS,
  type EvidenceJson,
  type EvidenceRecord,
  type LedgerJson,
  missingIn,
  type StatusJson,
} from '../src/api/index.ts';
import { helpersCalled, readObjectFile } from '../src/kernel/index.ts';
import { type RunningAgent, runCognitod, startAgent } from './support/agent.ts';
import { cannotUseBpf } from './support/observe.ts';
import { runWorkload } from './support/workload.ts';

const skip = cannotUseBpf();

function directoryOf(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-evidence-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const start = (directory: string, env: Record<string, string> = {}) =>
  startAgent({ args: ['--collector', 'ebpf'], env: { COGNITOD_EVIDENCE_DIRECTORY: directory, ...env } });

/** A row for each kind: what happened, was seen, lost, skipped. */
const coverageOf = (records: readonly EvidenceRecord[]) =>
  COUNTED_KINDS.map((kind) =>
    (['happened', 'seen', 'lost', 'skipped'] as const).map((field) =>
      records.reduce((sum, { coverage }) => sum + coverage[kind]![field]!, 0),
    ),
  );
const rowsOf = (ledger: LedgerJson) =>
  COUNTED_KINDS.map((kind) =>
    (['kernel', 'decoded', 'lost', 'skipped'] as const).map((column) => ledger[kind][column]),
  );

async function ask(agent: RunningAgent): Promise<EvidenceJson> {
  return JSON.parse((await runCognitod(['evidence', '--json', '--api', agent.api])).stdout);
}

test('records of two runs are one chain: programs, privileges, coverage, callers and the gap between', {
  skip,
}, async (t) => {
  const directory = directoryOf(t);
  const first = await start(directory);
  await runWorkload('execs', 500);
  assert.equal((await fetch(`${first.api}/api/v1/status`)).status, 200);
  assert.equal((await fetch(`${first.api}/api/v1/nothing/${'x'.repeat(50)}`)).status, 404);
  const { ledger } = await first.stop();
  const second = await start(directory);
  t.after(() => second.kill('SIGKILL'));
  const { records, current, head, kept_in } = await ask(second);
  assert.equal(kept_in, join(directory, 'evidence.jsonl'));
  assert.deepEqual(
    records.map(({ reason }) => reason),
    ['start', 'stop', 'start'],
  );
  assert.equal(head?.hash, records[2]!.hash);
  const { evidence } = (await (await fetch(`${second.api}/api/v1/status`)).json()) as StatusJson;
  const { public_key, ...rest } = evidence;
  assert.match(public_key!, /^-----BEGIN PUBLIC KEY-----\n/);
  const untouched = { anchored: null, failed_writes: 0, losses: 0, problem: null };
  assert.deepEqual(rest, { kept_in, sequence: 3, head: head!.hash, ...untouched });

  const [, stop, again] = records;
  // Together the two records of the first run are its ledger, exactly.
  assert.deepEqual(coverageOf([records[0]!, stop!]), rowsOf(ledger!));
  assert.equal(missingIn(ledger!), 0);
  for (const type of ['fork', 'exec', 'exit'] as const) assert.ok(ledger![type].decoded >= 500);
  assert.deepEqual(again!.gaps, [{ from: stop!.to, to: again!.from, reason: 'not-running', events: null }]);
  const requests = stop!.access.map(
    ({ who, method, route, status, count }) => `${who} ${method} ${route} ${status} ${count}`,
  );
  assert.deepEqual(requests, ['local GET /api/v1/status 200 1', 'local GET none 404 1']);

  assert.deepEqual(current.privileges.cap_permitted, []);
  assert.deepEqual(
    current.programs.map(({ object, read_only, hooks, helpers }) => [
      object,
      read_only,
      hooks.length,
      helpers.length,
    ]),
    [
      ['lifecycle.bpf.o', true, 6, helpersCalled(readObjectFile('lifecycle')).length],
      ['snapshot.bpf.o', true, 1, helpersCalled(readObjectFile('snapshot')).length],
    ],
  );
  assert.equal((current.configuration.values.evidence as { directory: string }).directory, directory);

  const other = await runCognitod(['agent', '--api-listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'], {
    env: { COGNITOD_EVIDENCE_DIRECTORY: directory },
  });
  assert.equal(other.code, 1);
  assert.match(other.stderr, /another agent writes the evidence/);
  await second.stop();
});

test('each connection of the agent is in the evidence, as the other end counts them', { skip }, async (t) => {
  const directory = directoryOf(t);
  const path = join(directory, 'docker.sock');
  let connections = 0;
  // Breaks off whoever connects, so that it comes again.
  const server = createServer((socket) => {
    connections++;
    socket.on('error', () => {}).destroy();
  });
  server.listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  const env = { COGNITOD_RUNTIME_DOCKER: path, COGNITOD_RUNTIME_CRI: 'off', COGNITOD_RUNTIME_PODMAN: 'off' };
  const agent = await start(directory, env);
  t.after(() => agent.kill('SIGKILL'));
  while (connections < 3) await once(server, 'connection');
  const { current, records } = await ask(agent);
  const told = [...records, current].flatMap((record) => record.connections);
  const markdown = (await runCognitod(['evidence', '--api', agent.api])).stdout;
  await agent.stop();
  const file = readFileSync(join(directory, 'evidence.jsonl'), 'utf8').trimEnd().split('\n');
  const kept = file.flatMap((line) => (JSON.parse(line) as EvidenceRecord).connections);
  assert.deepEqual([...new Set([...told, ...kept].map(({ to }) => to))], [path]);
  assert.ok(told.reduce((sum, { count }) => sum + count, 0) >= 3);
  assert.equal(
    kept.reduce((sum, { count }) => sum + count, 0),
    connections,
  );
  assert.match(markdown, /has connected to, or tried to/);
});

test('kill -9 loses the record under way and nothing else; the chain goes on', { skip }, async (t) => {
  const directory = directoryOf(t);
  const first = await start(directory);
  first.kill('SIGKILL');
  await first.ended;
  const second = await start(directory);
  const { records } = await ask(second);
  await second.stop();
  assert.deepEqual(
    records.map(({ reason, gaps }) => [reason, ...gaps.map((gap) => gap.reason)]),
    [['start'], ['start', 'not-recorded']],
  );
  assert.equal((await runCognitod(['evidence', 'verify', directory])).code, 0);
});

test('events lost in a tiny ring are in the records, exactly as in the ledger', { skip }, async (t) => {
  const directory = directoryOf(t);
  const agent = await start(directory, { COGNITOD_KERNEL_RING_BYTES: '64KiB' });
  t.after(() => agent.kill('SIGKILL'));
  agent.kill('SIGSTOP');
  await runWorkload('execs', 2000);
  agent.kill('SIGCONT');
  const { ledger } = await agent.stop();
  const records = readFileSync(join(directory, 'evidence.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as EvidenceRecord);
  assert.deepEqual(coverageOf(records), rowsOf(ledger!));
  assert.ok(columnOf(ledger!, 'lost') > 0);
  const gaps = records.flatMap((record) => record.gaps);
  assert.equal(
    gaps.reduce((sum, { events }) => sum + (events ?? 0), 0),
    missingIn(ledger!),
  );
});

test('verify finds a change, offline; the report of --json can be verified too', { skip }, async (t) => {
  const directory = directoryOf(t);
  const agent = await start(directory);
  const report = join(directory, 'report.json');
  writeFileSync(report, JSON.stringify(await ask(agent)));
  await agent.stop();
  const file = join(directory, 'evidence.jsonl');
  const whole = await runCognitod(['evidence', 'verify', file, '--json']);
  const { intact, records, head } = JSON.parse(whole.stdout);
  assert.deepEqual([whole.code, intact, records], [0, true, 2]);
  assert.equal((await runCognitod(['evidence', 'verify', report])).code, 0);
  const document = JSON.parse(readFileSync(report, 'utf8'));
  writeFileSync(report, JSON.stringify({ ...document, head: { ...document.head, hash: 'f'.repeat(64) } }));
  assert.equal((await runCognitod(['evidence', 'verify', report])).code, 1);
  assert.equal((await runCognitod(['evidence', 'verify', file, '--head', head.hash])).code, 0);
  assert.equal((await runCognitod(['evidence', 'verify', file, '--head', 'f'.repeat(64)])).code, 1);

  const bytes = readFileSync(file);
  bytes[Math.floor(bytes.length / 3)]! ^= 1;
  writeFileSync(file, bytes);
  const changed = await runCognitod(['evidence', 'verify', file]);
  assert.equal(changed.code, 1);
  assert.match(changed.stdout, /CHANGED: what stands from line 1 on cannot be trusted/);
  const gone = await runCognitod(['evidence', 'verify', join(directory, 'nothing')]);
  assert.equal(gone.code, 2);
});

test('what has been done to the file is found with the public key and the log: cut off, copied back, made anew', {
  skip,
}, async (t) => {
  const directory = directoryOf(t);
  const file = join(directory, 'evidence.jsonl');
  const agent = await start(directory, { COGNITOD_NODE_NAME: 'node-7' });
  const pem = join(directory, 'node-7.pem');
  const shown = await runCognitod(['evidence', 'key', '--api', agent.api]);
  writeFileSync(pem, shown.stdout);
  const early = readFileSync(file, 'utf8');
  const { stderr } = await agent.stop();
  const log = join(directory, 'log');
  writeFileSync(log, `${stderr}evidence record 9 (day) of node-8: ${'0'.repeat(64)}\n`);
  const verify = async (...more: string[]) => {
    const { code, stdout } = await runCognitod(['evidence', 'verify', file, ...more]);
    return `${code} ${stdout}`;
  };
  const both = ['--public-key', pem, '--anchor', log];
  assert.match(
    await verify(...both),
    /^0 intact: 2 records, each signed by a key that you gave; head [0-9a-f]{64}\n$/,
  );
  const whole = readFileSync(file, 'utf8');

  writeFileSync(file, '');
  assert.match(await verify('--public-key', pem), /^1 .*there is no record/);

  // An old copy, as it was signed.
  writeFileSync(file, early);
  assert.match(await verify('--public-key', pem), /^0 /);
  assert.match(await verify(...both), /^1 .*record 2 was made, and is missing at the end/);

  // Made anew by another agent, with a key of its own.
  const elsewhere = directoryOf(t);
  const other = await start(elsewhere, { COGNITOD_NODE_NAME: 'node-7' });
  await other.stop();
  writeFileSync(file, readFileSync(join(elsewhere, 'evidence.jsonl')));
  assert.match(await verify(), /^0 /);
  assert.match(await verify('--public-key', pem), /^1 .*it is signed by another key/);

  // By whoever has taken the key: only the anchor tells.
  writeFileSync(file, whole);
  rmSync(file);
  await (await start(directory, { COGNITOD_NODE_NAME: 'node-7' })).stop();
  assert.match(await verify('--public-key', pem), /^0 /);
  assert.match(await verify(...both), /^1 .*record 1 is not the one that was made/);
  const nobodys = await runCognitod(['evidence', 'verify', file, '--anchor', pem]);
  assert.deepEqual([nobodys.code, /has no anchor of node-7/.test(nobodys.stderr)], [2, true]);
});

test('the report says what is true of this agent', { skip }, async (t) => {
  const agent = await startAgent({
    args: ['--collector', 'ebpf'],
    env: { COGNITOD_API_TOKEN: 'super-secret-token' },
  });
  t.after(() => agent.kill('SIGKILL'));
  const env = { COGNITOD_TOKEN: 'super-secret-token' };
  assert.equal((await fetch(`${agent.api}/api/v1/status`)).status, 401);
  const { stdout } = await runCognitod(['evidence', '--api', agent.api], { env });
  assert.match(stdout, /It now holds no Linux capability in any of its threads/);
  assert.match(stdout, /attached to 7 kernel hooks/);
  assert.match(stdout, /\| refused \| GET \/api\/v1\/status \| 401 \| 1 \|/);
  assert.match(stdout, /\| kept in \| memory: gone when the agent ends/);
  assert.doesNotMatch(stdout, /super-secret-token/);
  const page = (await runCognitod(['evidence', '--html', '--api', agent.api], { env })).stdout;
  assert.match(page, /^<!doctype html>[\s\S]*<\/html>\n$/);
  assert.doesNotMatch(page, /<script|https?:\/\/(?!127)/);
  await agent.stop();

  const kept = await startAgent({
    args: ['--collector', 'procfs'],
    env: { COGNITOD_PRIVILEGES_DROP: 'false' },
  });
  const text = (await runCognitod(['evidence', '--api', kept.api])).stdout;
  await kept.stop();
  assert.match(text, /cognitod polls \/proc and has loaded no eBPF programs/);
  assert.match(text, /lived shorter than the pause between two looks were neither seen nor counted/);
  assert.match(text, /It now holds CAP\\_CHOWN, /);
});
