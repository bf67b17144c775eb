import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CognitodError } from '../lib/index.ts';
import { type Check, ok } from './check.ts';
import { fakeNode } from './fake-node.fixture.ts';
import { runChecks } from './run-checks.ts';

const check = (id: string, run: Check['run'], more: Partial<Check> = {}): Check => ({
  id,
  title: `is ${id} right?`,
  run,
  ...more,
});

test('checks run beside each other and are told in their order; one that measures time runs alone', async (t) => {
  const order: string[] = [];
  const { promise: secondBegan, resolve: begin } = Promise.withResolvers<void>();
  const findings = await runChecks(
    [
      // Would wait for ever if the second came after it.
      check('first', async () => {
        order.push('first');
        await secondBegan;
        return ok('1');
      }),
      check('second', () => {
        order.push('second');
        begin();
        return ok('2');
      }),
      check(
        'alone',
        async () => {
          order.push('alone');
          await new Promise(setImmediate);
          order.push('alone ends');
          return ok('3');
        },
        { alone: true },
      ),
    ],
    fakeNode(t).surroundings(),
  );
  assert.deepEqual(order, ['alone', 'alone ends', 'first', 'second']);
  assert.deepEqual(
    findings.map(({ id, title, reason }) => [id, title, reason]),
    [
      ['first', 'is first right?', '1'],
      ['second', 'is second right?', '2'],
      ['alone', 'is alone right?', '3'],
    ],
  );
});

test('a check that hangs fails after its own limit, one that throws fails with its reason', async (t) => {
  const hint = 'plug it in';
  const findings = await runChecks(
    [
      check('hangs', () => new Promise(() => {}), { limitMs: 20 }),
      check('throws', () => Promise.reject(new CognitodError('BPF_UNAVAILABLE', 'no power', { hint }))),
      check('broken', () => {
        throw new Error('a bug');
      }),
    ],
    fakeNode(t).surroundings(),
  );
  assert.deepEqual(
    findings.map(({ result, reason, fix }) => [result, reason, fix]),
    [
      ['fail', 'no answer within 0.02 s', 'is something hung?'],
      ['fail', 'no power', hint],
      ['fail', 'a bug', 'please report this'],
    ],
  );
});
