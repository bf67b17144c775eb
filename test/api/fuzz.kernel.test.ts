// Hostile requests to a running agent: it goes on, and its log has no failure. Needs root and BPF.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProcessPageJson } from '../../src/api/index.ts';
import { startAgent } from '../support/agent.ts';
import { cannotUseBpf } from '../support/observe.ts';
import { fuzz } from './fuzz.ts';

test('no request makes a running agent fail', { skip: cannotUseBpf() }, async (t) => {
  const agent = await startAgent();
  let end: { stderr: string; code: number | null } | undefined;
  try {
    const begin = performance.now();
    const tally = await fuzz({
      port: Number(new URL(agent.api).port),
      ids: [String(agent.pid), '1'],
      runs: 500,
    });
    t.diagnostic(JSON.stringify([...tally].sort(([a], [b]) => a - b)));
    // Whether the random requests were at this route or not.
    const asked = await fetch(`${agent.api}/api/v1/self-test`, { method: 'POST' });
    assert.equal(asked.status, 200);
    await asked.text();
    const query = `state=all&limit=1000&executable=${encodeURIComponent(process.execPath)}`;
    const page = await fetch(`${agent.api}/api/v1/processes?${query}`);
    const { processes } = (await page.json()) as ProcessPageJson;
    const started = processes.filter(({ argv }) => argv?.at(-1)?.startsWith('cognitod-self-test-') === true);
    const seconds = (performance.now() - begin) / 1000;
    t.diagnostic(`${started.length} self-tests in ${seconds.toFixed(1)} s`);
    assert.ok(started.length >= 1, 'the process of a self-test is listed');
    assert.ok(started.length <= seconds + 1, 'at most one a second');
    assert.equal((await agent.ready()).status, 200);
    assert.equal((await agent.status()).ready, true);
  } finally {
    end = await agent.stop();
  }
  assert.equal(end.code, 0);
  assert.doesNotMatch(end.stderr, /failed|bug/);
});
