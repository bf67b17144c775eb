// Closing goes on whatever fails, in order, and tells everything that failed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeAll } from './close.ts';

test('every step is taken, one after the other, and what failed is told in order', async () => {
  const taken: string[] = [];
  const slow = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    taken.push('slow');
  };
  const steps = [
    () => {
      taken.push('throws');
      throw new Error('first');
    },
    { close: slow },
    { close: () => Promise.reject(new Error('second')) },
    () => void taken.push('last'),
  ];
  await assert.rejects(closeAll(steps, 'closing it failed'), (error: AggregateError) => {
    assert.equal(error.message, 'closing it failed');
    assert.deepEqual(
      error.errors.map(({ message }) => message),
      ['first', 'second'],
    );
    return true;
  });
  assert.deepEqual(taken, ['throws', 'slow', 'last']);
  await closeAll([]);
});
