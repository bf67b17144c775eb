// The answers of a real agent against the published contract. Needs root and BPF.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { routes } from '../../src/api/index.ts';
import { startAgent } from '../support/agent.ts';
import { cannotUseBpf } from '../support/observe.ts';
import { checkAnswers, readProblem } from './answers.ts';

const skip = cannotUseBpf();

test('every answer of a running agent is exactly as published', { skip }, async () => {
  const agent = await startAgent();
  try {
    const stir = () => spawnSync('/bin/true');
    // Of itself it knows most: images, ancestors, a pid that lives as long as the test.
    assert.equal(await checkAnswers({ base: agent.api, pid: agent.pid, stir }), Object.keys(routes).length);
  } finally {
    await agent.stop();
  }
});

test('tokens of a running agent: none, wrong, read and admin', { skip }, async () => {
  const env = { COGNITOD_API_TOKEN: 'reader', COGNITOD_API_ADMIN_TOKEN: 'administrator' };
  const agent = await startAgent({ env });
  try {
    const ask = (token?: string) =>
      fetch(
        `${agent.api}/api/v1/status`,
        token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
      );
    assert.equal((await readProblem(await ask())).code, 'UNAUTHORIZED');
    assert.equal((await readProblem(await ask('wrong'))).code, 'UNAUTHORIZED');
    for (const token of ['reader', 'administrator']) assert.equal((await ask(token)).status, 200, token);
  } finally {
    await agent.stop();
  }
});
