import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COUNTED_KINDS, type LedgerJson, MISSING_COLUMNS, missingIn } from '../api/index.ts';
import type { CollectorCounts } from '../collect/index.ts';
import { Ledger } from '../model/ledger.ts';
import { composeLedger } from './compose-ledger.ts';

type Kind = (typeof COUNTED_KINDS)[number];

/** `kernel` and `lost` of each kind; what is not said is nothing. */
function countsOf(kinds: Partial<Record<Kind, [kernel: number, lost: number]>>): CollectorCounts {
  const of = (kind: Kind) => ({ kernel: kinds[kind]?.[0] ?? 0, lost: kinds[kind]?.[1] ?? 0 });
  return { fork: of('fork'), exec: of('exec'), exit: of('exit'), move: of('move'), cgroupLost: 3 };
}

function modelOf(fields: Partial<Ledger>): { ledger: Ledger } {
  return { ledger: Object.assign(new Ledger(), fields) };
}

/** For every kind, whatever it holds. */
function assertAddsUp(ledger: LedgerJson): void {
  for (const kind of COUNTED_KINDS) {
    const row = ledger[kind];
    assert.equal(row.kernel, row.decoded + row.lost + row.skipped + row.pending, kind);
    for (const [column, count] of Object.entries(row)) assert.ok(count >= 0, `${kind} ${column} ${count}`);
  }
}

const DECODED = { fork: 40, exec: 90, exit: 80, move: 5 };
const COUNTS = countsOf({ fork: [40, 0], exec: [100, 0], exit: [80, 0], move: [7, 2] });

test('what the kernel skipped is in no count of its: it is added to what happened', () => {
  const model = modelOf({ decoded: DECODED, execsMissing: 4, exitsMissing: 1 });
  const ledger = composeLedger(COUNTS, true, model, 9, null);
  assert.deepEqual(ledger.exec, { kernel: 104, decoded: 90, lost: 0, skipped: 4, pending: 10 });
  assert.deepEqual(ledger.exit, { kernel: 81, decoded: 80, lost: 0, skipped: 1, pending: 0 });
  assert.deepEqual(ledger.fork, { kernel: 40, decoded: 40, lost: 0, skipped: 0, pending: 0 });
  assert.deepEqual(ledger.move, { kernel: 7, decoded: 5, lost: 2, skipped: 0, pending: 0 });
  assert.deepEqual(ledger.cgroup, { decoded: 9, lost: 3 });
  assert.equal(missingIn(ledger), 7);
  assertAddsUp(ledger);
});

test('a kernel that skips no program is not said to have', () => {
  const model = modelOf({ decoded: DECODED, execsMissing: 4, exitsMissing: 1 });
  const ledger = composeLedger(COUNTS, false, model, 9, null);
  assert.deepEqual(ledger.exec, { kernel: 100, decoded: 90, lost: 0, skipped: 0, pending: 10 });
  assert.deepEqual(ledger.exit, { kernel: 80, decoded: 80, lost: 0, skipped: 0, pending: 0 });
  assertAddsUp(ledger);
});

test('what the ring lost is missing too, and is not counted twice', () => {
  const counts = countsOf({ exec: [100, 7], exit: [80, 3] });
  const model = modelOf({
    decoded: { fork: 0, exec: 93, exit: 77, move: 0 },
    execsMissing: 9,
    exitsMissing: 3,
  });
  const ledger = composeLedger(counts, true, model, 0, null);
  assert.deepEqual(ledger.exec, { kernel: 102, decoded: 93, lost: 7, skipped: 2, pending: 0 });
  assert.deepEqual(ledger.exit, { kernel: 80, decoded: 77, lost: 3, skipped: 0, pending: 0 });
  assertAddsUp(ledger);
});

test('losses that the model has not missed yet, or never will, make nothing negative', () => {
  const counts = countsOf({ exec: [100, 60], exit: [80, 80] });
  const model = modelOf({ decoded: { fork: 0, exec: 40, exit: 0, move: 0 }, execsMissing: 1 });
  const ledger = composeLedger(counts, true, model, 0, null);
  assert.deepEqual([ledger.exec.skipped, ledger.exit.skipped], [0, 0]);
  assertAddsUp(ledger);
  // More was decoded than the counters had when they were read.
  const early = composeLedger(countsOf({ exec: [3, 0] }), true, modelOf({ decoded: DECODED }), 0, null);
  for (const kind of COUNTED_KINDS) assert.equal(early[kind].pending, 0);
});

test('what was found to be skipped stays so when the ring loses more', () => {
  let before: LedgerJson | null = null;
  const skipped = (lost: number, execsMissing: number) => {
    before = composeLedger(
      countsOf({ exec: [100 + lost, lost] }),
      true,
      modelOf({ execsMissing }),
      0,
      before,
    );
    return before.exec.skipped;
  };
  assert.equal(skipped(0, 3), 3);
  assert.equal(skipped(5, 3), 3, 'the model has not missed any of the five');
  assert.equal(skipped(5, 7), 3, 'four of the five');
  assert.equal(skipped(5, 8), 3, 'all five');
  assert.equal(skipped(5, 10), 5, 'and two more, which nobody lost');
});

test('what is told after all is no longer skipped', () => {
  const before = composeLedger(COUNTS, true, modelOf({ execsMissing: 3, exitsMissing: 1 }), 0, null);
  const after = composeLedger(COUNTS, true, modelOf({ execsMissing: 2 }), 0, before);
  assert.deepEqual([before.exec.skipped, before.exit.skipped], [3, 1]);
  assert.deepEqual([after.exec.skipped, after.exit.skipped], [2, 0]);
  for (const column of MISSING_COLUMNS) assert.equal(typeof after.exec[column], 'number');
});
