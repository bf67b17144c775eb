// What is kept for clients that come back, and what goes first.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, exec, exit, FakeModel } from '../fake-agent.fixture.ts';
import { ReplayBuffer } from './replay-buffer.ts';

const LARGE = { events: 1000, bytes: 1 << 24 };
const run = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => apply(exit({ pid: index }), first + index));

test('the last events are kept, at their positions, whatever the batches', () => {
  const buffer = new ReplayBuffer({ ...LARGE, events: 7 });
  assert.equal(buffer.oldest(1), 1);
  let next = 1;
  for (const count of [1, 3, 9, 2, 7, 0, 4]) {
    buffer.add(run(next, count));
    next += count;
    assert.equal(buffer.oldest(next), Math.max(1, next - 7));
    for (let seq = buffer.oldest(next); seq < next; seq++) assert.equal(buffer.at(seq).seq, seq);
  }
  assert.equal(buffer.count, 7);
});

test('long arguments cost what they are, and the bytes never rise above their bound', () => {
  const buffer = new ReplayBuffer({ events: 1000, bytes: 20_000 });
  for (let seq = 1; seq <= 200; seq++) {
    buffer.add([apply(exec({ argv: ['x'.repeat(seq * 10)] }), seq)]);
    assert.ok(buffer.bytes <= 20_000);
    assert.ok(buffer.count > 0);
  }
  assert.ok(buffer.count < 10, `${buffer.count} are kept`);
  buffer.add([apply(exec({ argv: ['x'.repeat(30_000)] }), 201)]);
  assert.deepEqual([buffer.count, buffer.bytes, buffer.oldest(202)], [0, 0, 202]);
});

test('processes are not held, and nothing is after a clear or a bound of none', () => {
  const buffer = new ReplayBuffer(LARGE);
  buffer.add([{ ...apply(exit(), 1), process: new FakeModel().add() }]);
  assert.equal(buffer.at(1).process, null);
  buffer.clear();
  assert.deepEqual([buffer.count, buffer.bytes, buffer.oldest(2)], [0, 0, 2]);
  const none = new ReplayBuffer({ ...LARGE, events: 0 });
  none.add(run(1, 5));
  assert.deepEqual([none.count, none.oldest(6)], [0, 6]);
});

test('after a hole in the positions only what follows it is kept', () => {
  const buffer = new ReplayBuffer(LARGE);
  buffer.add(run(1, 5));
  buffer.add(run(10, 2));
  assert.deepEqual([buffer.count, buffer.oldest(12)], [2, 10]);
});
