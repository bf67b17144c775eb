// Hostile requests to a running agent: it goes on, and its log has no failure. Needs root and BPF.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startAgent } from '../support/agent.ts';
import { cannotUseBpf } from '../support/observe.ts';
import { fuzz } from './fuzz.ts';

test('no request makes a running agent fail', { skip: cannotUseBpf() }, async (t) => {
  const agent = await startAgent();
  let end: { stderr: string; code: number | null } | undefined;
  try {
    const tally = await fuzz({
      port: Number(new URL(agent.api).port),
      ids: [String(agent.pid), '1'],
      runs: 500,
    });
    t.diagnostic(JSON.stringify([...tally].sort(([a], [b]) => a - b)));
    assert.equal((await agent.ready()).status, 200);
    assert.equal((await agent.status()).ready, true);
  } finally {
    end = await agent.stop();
  }
  assert.equal(end.code, 0);
  assert.doesNotMatch(end.stderr, /failed|bug/);
});
