// Whatever a turn does, the next one comes; what failed is told once, counted each time, and shown until it works again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tasks } from './tasks.ts';

function desk() {
  const told: string[] = [];
  const tasks = new Tasks({ warn: (text) => told.push(text), info: (text) => told.push(text) });
  return { told, tasks };
}
/** Resolves when so many turns were made. */
function turns(count: number, turn: (number: number) => void | Promise<void>) {
  const { promise, resolve } = Promise.withResolvers<void>();
  let made = 0;
  const work = () => {
    made++;
    if (made === count) resolve();
    return turn(made);
  };
  return { work, done: promise };
}

for (const [how, fail] of [
  ['throws', () => void assert.fail('too many open files')],
  ['rejects', () => Promise.reject(new Error('too many open files'))],
] as const) {
  test(`a turn that ${how} is told once, counted, and made again`, async () => {
    const { told, tasks } = desk();
    const { work, done } = turns(5, (turn) => (turn < 4 ? fail() : undefined));
    const stop = tasks.every('healing', 1, work);
    await done;
    stop();
    assert.deepEqual(told, [
      'healing failed, and is tried again: too many open files',
      'healing works again',
    ]);
    assert.deepEqual(tasks.states(), [
      { name: 'healing', failures: 3, failing: null, lastFailure: 'too many open files' },
    ]);
  });
}

test('what fails now is shown with its reason', () => {
  const { told, tasks } = desk();
  for (const reason of ['a', 'b']) {
    tasks.turn('look', () => {
      throw new Error(reason);
    });
  }
  assert.deepEqual(tasks.states(), [{ name: 'look', failures: 2, failing: 'b', lastFailure: 'b' }]);
  assert.deepEqual(told, ['look failed, and is tried again: a']);
});

test('turns never overlap, and none comes after the end', async () => {
  const { tasks } = desk();
  let running = 0;
  let most = 0;
  const { work, done } = turns(4, async () => {
    running++;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running--;
  });
  const stop = tasks.every('slow', 1, work, { atOnce: true });
  await done;
  stop();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([most, running], [1, 0]);
});
