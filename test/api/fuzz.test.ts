// Hostile requests to every route of a server with a made-up agent: none is answered with a failure, or without a bound.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_ANSWER_BYTES } from '../../src/api/index.ts';
import { shell } from '../../src/serve/fake-agent.fixture.ts';
import { fakeServer } from './fake-server.ts';
import { fuzz } from './fuzz.ts';

test('no request makes the server fail', async (t) => {
  const { base, port, agent, pid, failures } = await fakeServer(t);
  const id = agent.model.processIdOf(agent.model.byPid(pid)!);
  const tally = await fuzz({ port, ids: [String(pid), id], runs: 2_000 });
  t.diagnostic(JSON.stringify([...tally].sort(([a], [b]) => a - b)));
  assert.deepEqual(failures, []);
  assert.equal((await fetch(`${base}/api/v1/status`)).status, 200, 'the server goes on');
  for (const status of [200, 400, 404, 405, 431]) assert.ok(tally.has(status), `${status} was met`);
});

test('no answer is larger than promised, whatever processes are called', async (t) => {
  const { base, agent } = await fakeServer(t);
  const image = { ...shell, argv: ['\u0001'.repeat(32_768)] };
  const root = agent.model.add({ image });
  for (let made = 0; made < 200; made++) agent.model.addChild(root, { image });
  for (const path of ['/api/v1/processes?limit=1000&state=all', `/api/v1/processes/${root.pid}/tree`]) {
    const { byteLength } = await (await fetch(base + path)).arrayBuffer();
    assert.ok(byteLength <= MAX_ANSWER_BYTES && byteLength > MAX_ANSWER_BYTES / 2, `${path}: ${byteLength}`);
  }
});
