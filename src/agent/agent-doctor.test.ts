import assert from 'node:assert/strict';
import { test } from 'node:test';
import { doctorSchema } from '../api/index.ts';
import { sampleStatus } from '../cli/fake-agent.fixture.ts';
import { loadConfig } from '../lib/index.ts';
import { AgentDoctor } from './agent-doctor.ts';

const { config } = loadConfig({
  env: {
    COGNITOD_RUNTIME_CRI: 'off',
    COGNITOD_RUNTIME_DOCKER: 'off',
    COGNITOD_RUNTIME_PODMAN: 'off',
    COGNITOD_KUBERNETES_API: 'off',
  },
});

test('many who ask at once are one examination, and so are those of the next seconds', async () => {
  let asked = 0;
  let nowMs = 0;
  const status = () => {
    asked++;
    return sampleStatus();
  };
  const doctor = new AgentDoctor(config, status, () => nowMs);
  const answers = await Promise.all(Array.from({ length: 20 }, () => doctor.examine()));
  assert.equal(asked, 1);
  assert.equal(new Set(answers).size, 1);
  nowMs = 4_999;
  await doctor.examine();
  assert.equal(asked, 1);
  nowMs = 5_001;
  await doctor.examine();
  assert.equal(asked, 2);
});

test('the answer follows the contract, and nothing in it starts a process', async () => {
  const document = await new AgentDoctor(config, () => sampleStatus()).examine();
  assert.deepEqual(doctorSchema.parse(document), document);
  const ids = document.checks.map(({ id }) => id);
  assert.ok(ids.includes('privileges') && ids.includes('cgroups'));
  assert.ok(!ids.includes('canary'));
  assert.equal(document.failed, document.checks.filter(({ result }) => result === 'fail').length);
  assert.equal(document.ok, document.failed === 0);
});

test('a status that cannot be had is told, and the next question gets a new try', async () => {
  let broken = true;
  let nowMs = 0;
  const status = () => {
    if (broken) throw new Error('no status');
    return sampleStatus();
  };
  const doctor = new AgentDoctor(config, status, () => nowMs);
  const find = async () => (await doctor.examine()).checks.find(({ id }) => id === 'agent');
  assert.deepEqual([(await find())?.result, (await find())?.reason], ['fail', 'no status']);
  broken = false;
  nowMs = 6_000;
  assert.equal((await find())?.result, 'ok');
});
