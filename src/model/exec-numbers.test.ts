// Execs that nobody told are counted by the numbers that the kernel gives them, each once.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { ProcessEvent } from '../decode/index.ts';
import type { ProcessTable } from './index.ts';
import { exec, exit, fork, HOST, INIT, makeTable, snapshot } from './process-table.fixture.ts';

let table: ProcessTable;
beforeEach(() => {
  table = makeTable();
});
const apply = (event: ProcessEvent) => table.apply(event, HOST);

const missing = () => [table.ledger.execsMissing, table.ledger.exitsMissing];
/** Process 10 since 2000 ns, whose last exec that was told has this number. */
function live(execId: number | null): void {
  apply({ ...fork(INIT, 10, 2000n), execId });
}
/** A healing pass that finds process 10 with this number. */
const pass = (execId: number | null, ktimeNs: bigint) =>
  table.heal([{ ...snapshot(10, 2000n, ktimeNs), execId }], ktimeNs, () => HOST);

test('execs that nobody told are counted by the gap before the next one', () => {
  live(5);
  apply({ ...exec(10, 2000n, 2001n, 'a'), execId: 6 });
  assert.deepEqual(missing(), [0, 0]);
  apply({ ...exec(10, 2000n, 2002n, 'd'), execId: 9 });
  assert.deepEqual(missing(), [2, 0]);
  apply({ ...exec(10, 2000n, 2003n, 'e'), execId: 10 });
  apply({ ...exit(10, 2000n, 2004n), execId: 10 });
  assert.deepEqual(missing(), [2, 0], 'each gap counts once');
});

test('an exit tells of the execs before it that nobody told', () => {
  live(5);
  apply({ ...exit(10, 2000n, 2001n), execId: 6 });
  assert.deepEqual(missing(), [1, 0]);
  assert.deepEqual(table.byIdentity(10, 2000n)?.execSeq, 0);
});

test('one number more at a death by signal is an exec that failed after the point of no return', () => {
  live(5);
  apply({ ...exit(10, 2000n, 2001n), execId: 6, exitCode: null, exitSignal: 11 });
  assert.deepEqual(missing(), [0, 0]);
  apply({ ...fork(INIT, 11, 3000n), execId: 5 });
  apply({ ...exit(11, 3000n, 3001n), execId: 7, exitCode: null, exitSignal: 11 });
  assert.deepEqual(missing(), [2, 0], 'two more cannot both have failed');
});

test('an exec that only two healing passes in a row have seen is missing; one pass may have been early', () => {
  live(5);
  pass(6, 5000n);
  assert.deepEqual(missing(), [0, 0]);
  pass(7, 6000n);
  assert.deepEqual(missing(), [0, 0], 'another number: it is still at it');
  pass(7, 7000n);
  assert.deepEqual(missing(), [2, 0]);
  pass(7, 8000n);
  pass(7, 9000n);
  assert.deepEqual(missing(), [2, 0]);
  pass(8, 10_000n);
  apply({ ...exec(10, 2000n, 10_001n, 'b'), execId: 8 });
  pass(8, 11_000n);
  assert.deepEqual(missing(), [2, 0], 'told between the passes');
});

test('an exec that is told after two passes had counted it takes the count back', () => {
  live(5);
  pass(6, 5000n);
  pass(6, 6000n);
  assert.deepEqual(missing(), [1, 0]);
  apply({ ...exec(10, 2000n, 4000n, 'late'), execId: 6 });
  assert.deepEqual(missing(), [0, 0]);
  pass(8, 7000n);
  pass(8, 8000n);
  apply({ ...exec(10, 2000n, 6500n, 'late'), execId: 7 });
  assert.deepEqual(missing(), [1, 0], 'of two, the first');
  apply({ ...exec(10, 2000n, 6600n, 'late'), execId: 8 });
  assert.deepEqual(missing(), [0, 0], 'and the other');
  apply({ ...exec(10, 2000n, 6600n, 'late'), execId: 8 });
  assert.deepEqual(missing(), [0, 0], 'no more than was counted');
  apply({ ...exit(10, 2000n, 9000n), execId: 8 });
  assert.deepEqual(missing(), [0, 0]);
});

test('an exec that was under way when its process was found was not counted, and takes nothing back', () => {
  table.adopt({ ...snapshot(10, 500n), execId: 6 }, HOST);
  apply({ ...exec(10, 500n, 1002n, 'a'), execId: 6 });
  table.heal(
    [
      { ...snapshot(10, 500n, 2000n), execId: 6 },
      { ...snapshot(11, 600n, 2000n), execId: 3 },
    ],
    2000n,
    () => HOST,
  );
  apply({ ...exec(11, 600n, 2001n, 'b'), execId: 3 });
  assert.deepEqual(missing(), [0, 0]);
  apply({ ...exec(11, 600n, 2002n, 'd'), execId: 5 });
  assert.deepEqual(missing(), [1, 0]);
  apply({ ...exec(12, 2000n, 2003n, 'e'), execId: 4 });
  assert.deepEqual(missing(), [1, 0], 'found by its exec: the fork was lost');
});

test('a process that is gone without an exit lacks one, until that is told', () => {
  live(5);
  table.heal([], 5000n, () => HOST);
  assert.deepEqual(missing(), [0, 0]);
  table.heal([], 6000n, () => HOST);
  assert.deepEqual(missing(), [0, 1]);
  apply({ ...exit(10, 2000n, 4000n), execId: 5 });
  assert.deepEqual(missing(), [0, 0]);
  apply(fork(INIT, 11, 7000n));
  apply(fork(INIT, 11, 8000n));
  assert.deepEqual(missing(), [0, 1], 'a new life of a pid tells of it too');
});

test('where execs have no numbers none is missing', () => {
  live(null);
  apply({ ...exec(10, 2000n, 2001n, 'a'), execId: 9 });
  pass(12, 5000n);
  pass(12, 6000n);
  apply({ ...exit(10, 2000n, 7000n), execId: 20 });
  live(5);
  apply(exec(10, 2000n, 8001n, 'a'));
  pass(null, 9000n);
  pass(null, 10_000n);
  apply(exit(10, 2000n, 11_000n));
  assert.deepEqual(missing(), [0, 0]);
});
