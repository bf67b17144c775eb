// The self-test of a running agent: what it starts, who may ask for it, and that it is written down. Needs root and BPF.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import {
  type EvidenceJson,
  type LastSelfTestJson,
  type ProcessPageJson,
  type SelfTestJson,
  selfTestSchema,
} from '../src/api/index.ts';
import { type RunningAgent, startAgent } from './support/agent.ts';
import { findHierarchy, makeCgroup } from './support/cgroups.ts';
import { ownNamespaces } from './support/namespaces.ts';
import { cannotUseBpf } from './support/observe.ts';

const skip = cannotUseBpf();
const PATH = '/api/v1/self-test';

async function runSelfTest(agent: RunningAgent, token?: string) {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${agent.api}${PATH}`, { method: 'POST', headers });
  return { status: response.status, document: (await response.json()) as SelfTestJson & { code: string } };
}

async function get<T>(agent: RunningAgent, path: string, token?: string): Promise<T> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return (await (await fetch(`${agent.api}${path}`, { headers })).json()) as T;
}

/** The processes of self-tests that the agent knows. */
async function started(agent: RunningAgent) {
  const page = await get<ProcessPageJson>(agent, '/api/v1/processes?state=all&limit=1000');
  return page.processes.filter(({ argv }) => argv?.at(-1)?.startsWith('cognitod-self-test-') === true);
}

for (const collector of ['ebpf', 'procfs']) {
  test(`twenty who ask within a second get one answer about one process that has ended (${collector})`, {
    skip,
  }, async (t) => {
    const agent = await startAgent({ args: ['--collector', collector] });
    t.after(() => agent.stop());
    assert.equal((await get<LastSelfTestJson>(agent, PATH)).last, null);
    const begin = performance.now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => runSelfTest(agent)));
    // An emulated machine takes longer to let them all in.
    const most = 1 + Math.floor((performance.now() - begin) / 1000);
    const documents = new Map(answers.map(({ document }) => [JSON.stringify(document), document]));
    const [document] = documents.values() as unknown as [SelfTestJson];
    assert.ok(documents.size <= most, `${documents.size} answers, at most ${most}`);
    assert.deepEqual(selfTestSchema.strict().parse(document), document);
    assert.equal(document.ok, true, document.reason);
    assert.deepEqual(document.seen, { fork: true, exec: true, exit: true });
    for (const { status } of answers) assert.equal(status, 200);
    const { last } = await get<LastSelfTestJson>(agent, PATH);
    assert.ok(documents.has(JSON.stringify(last)));
    const processes = await started(agent);
    assert.equal(processes.length, documents.size);
    const [process] = processes;
    assert.deepEqual([process?.state, process?.ppid], ['exited', agent.pid]);
  });
}

test('a hundred requests one after the other start no more than one process a second', {
  skip,
}, async (t) => {
  const agent = await startAgent({ args: ['--collector', 'ebpf'] });
  t.after(() => agent.stop());
  const begin = performance.now();
  for (let asked = 0; asked < 100; asked++) assert.equal((await runSelfTest(agent)).status, 200);
  const seconds = (performance.now() - begin) / 1000;
  assert.ok((await started(agent)).length <= seconds + 1, `${(await started(agent)).length} in ${seconds} s`);
});

test('in namespaces of its own the agent finds its process by the pid that it has there', {
  skip,
}, async (t) => {
  const prefix = ownNamespaces({ pids: true, cgroups: true });
  const agent = await startAgent({ prefix, args: ['--collector', 'procfs'] });
  t.after(() => agent.stop());
  const { document } = await runSelfTest(agent);
  assert.deepEqual([document.ok, document.own_place], [true, true], document.reason);
});

test('only the admin token starts one; the read token sees the last, and the evidence who asked', {
  skip,
}, async (t) => {
  const env = { COGNITOD_API_TOKEN: 'reader', COGNITOD_API_ADMIN_TOKEN: 'administrator' };
  const agent = await startAgent({ env });
  t.after(() => agent.stop());
  assert.deepEqual((await runSelfTest(agent)).status, 401);
  const { status, document } = await runSelfTest(agent, 'reader');
  assert.deepEqual([status, document.code], [403, 'FORBIDDEN']);
  assert.equal((await get<LastSelfTestJson>(agent, PATH, 'reader')).last, null);
  assert.equal((await runSelfTest(agent, 'administrator')).document.ok, true);
  assert.equal((await get<LastSelfTestJson>(agent, PATH, 'reader')).last?.ok, true);
  const { current } = await get<EvidenceJson>(agent, '/api/v1/evidence', 'reader');
  const asked = current.access.filter(({ route, method }) => route === PATH && method === 'POST');
  assert.deepEqual(
    asked.map(({ who, status, count }) => [who, status, count]),
    [
      ['admin-token', 200, 1],
      ['refused', 401, 1],
      ['refused', 403, 1],
    ],
  );
});

test('where no process can be started the answer says why', { skip }, async (t) => {
  const root = findHierarchy('pids') ?? findHierarchy('v2');
  if (root === undefined) return t.skip('no cgroup hierarchy');
  const cgroup = makeCgroup(root, 'cognitod-self-test');
  let agent: RunningAgent | undefined;
  t.after(async () => {
    await agent?.stop();
    await cgroup.remove();
  });
  const limit = join(dirname(cgroup.procsFile), 'pids.max');
  if (!existsSync(limit)) return t.skip('the kernel does not limit pids here');
  agent = await startAgent();
  writeFileSync(cgroup.procsFile, String(agent.pid));
  writeFileSync(limit, '1');
  const { status, document } = await runSelfTest(agent);
  assert.deepEqual([status, document.ok], [200, false]);
  assert.match(document.reason, /^no process could be started: .*EAGAIN$/);
  assert.equal((await agent.ready()).status, 200);
  writeFileSync(limit, 'max');
});
