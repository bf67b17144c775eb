// The answers of every route, of a server with a made-up agent, against the published contract.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routes } from '../../src/api/index.ts';
import { checkAnswers, fault } from './answers.ts';
import { fakeServer } from './fake-server.ts';

test('every answer is exactly as published', async (t) => {
  const { base, pid, stir } = await fakeServer(t);
  assert.equal(await checkAnswers({ base, pid, stir }), Object.keys(routes).length);
});

test('a field that is not published, one that is missing and one of another type are faults', () => {
  const health = (answer: unknown) => fault(routes.health, answer);
  assert.equal(health({ status: 'ok' }), null);
  assert.match(health({ status: 'ok', more: 1 })!, /not published/);
  assert.match(health({})!, /status/);
  assert.match(health({ status: 1 })!, /status/);
});
