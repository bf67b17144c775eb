import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COUNTED_KINDS, type CountedKind, type LedgerRows, type MissingColumn } from '../api/index.ts';
import type { ProcessTable } from '../model/index.ts';
import { Healer } from './healer.ts';

const SECOND = 1_000_000_000n;

/** A healer whose clock and account are the test's, and whose table only counts the passes. */
function stage() {
  let nowNs = 1000n * SECOND;
  let passes = 0;
  let failures = 0;
  const told: string[] = [];
  const account = Object.fromEntries(
    COUNTED_KINDS.map((kind) => [kind, { kernel: 0, decoded: 0, lost: 0, skipped: 0, pending: 0 }]),
  ) as LedgerRows;
  const healer = new Healer({
    collector: {
      snapshot: () => {
        if (failures-- > 0) throw new Error('the task iterator cannot be opened: EMFILE');
        return [];
      },
      drain() {},
    },
    table: { expire() {}, heal: () => void passes++ } as unknown as ProcessTable,
    identify: () => assert.fail('there is no process'),
    healSeconds: 3600,
    ledger: () => account,
    onLoss: (text) => told.push(text),
    nowNs: () => nowNs,
  });
  return {
    healer,
    told,
    passes: () => passes,
    /** So many lists of processes cannot be had. */
    fail(count: number) {
      failures = count;
    },
    set(kind: CountedKind, column: MissingColumn, count: number) {
      account[kind][column] = count;
    },
    after(seconds: number) {
      nowNs += BigInt(seconds) * SECOND;
      healer.check();
    },
  };
}

test('while nothing is missing there is nothing to tell, and nothing to heal', () => {
  const { healer, after, told, passes } = stage();
  for (let second = 0; second < 10; second++) after(1);
  assert.deepEqual([healer.lossReasons(), told, passes()], [[], [], 0]);
});

test('a loss is told with its kinds and remembered for a minute, and the table is healed in two passes', () => {
  const { healer, set, after, told, passes } = stage();
  set('exec', 'lost', 10);
  set('move', 'lost', 2);
  after(1);
  assert.deepEqual(told, ['lost 10 execs, 2 moves between cgroups since the start: the ring was full']);
  assert.deepEqual(healer.lossReasons(), ['12 events were lost up to 0 s ago because the ring was full']);
  for (let second = 0; second < 5; second++) after(1);
  assert.equal(passes(), 2);
  set('exec', 'lost', 11);
  after(15);
  assert.deepEqual(healer.lossReasons(), ['13 events were lost up to 0 s ago because the ring was full']);
  after(60);
  assert.deepEqual(healer.lossReasons(), ['13 events were lost up to 60 s ago because the ring was full']);
  after(1);
  assert.deepEqual(healer.lossReasons(), []);
  set('exec', 'lost', 12);
  after(1);
  assert.deepEqual(healer.lossReasons(), ['1 event was lost up to 0 s ago because the ring was full']);
});

test('what the kernel skipped is no full ring, and the node is not wholly seen all the same', () => {
  const { healer, set, after, told, passes } = stage();
  set('exit', 'skipped', 1);
  after(1);
  assert.deepEqual(told, ['skipped 1 exits since the start: the kernel skipped the programs']);
  after(5);
  assert.deepEqual(healer.lossReasons(), [
    '1 event was not seen because the kernel skipped the programs, as was noticed 5 s ago',
  ]);
  after(1);
  assert.equal(passes(), 2);
  set('fork', 'lost', 3);
  after(1);
  assert.equal(healer.lossReasons().length, 2, 'both reasons, each with its own number');
  assert.match(healer.lossReasons()[0]!, /^3 events were lost .*ring/);
  after(56);
  assert.match(healer.lossReasons().join(), /^3 events were lost [^,]*$/, 'the older is forgotten first');
});

test('a skip that is taken back and comes again is told once', () => {
  const { set, after, told } = stage();
  for (const count of [2, 1, 2, 3]) {
    set('exec', 'skipped', count);
    after(1);
  }
  assert.deepEqual(
    told.map((text) => text.split(' ', 3).join(' ')),
    ['skipped 2 execs', 'skipped 3 execs'],
  );
});

test('a pass that fails stays due until it succeeds, and the losses that it is for are remembered', () => {
  const { healer, set, after, passes, fail } = stage();
  set('exit', 'lost', 1);
  fail(3);
  for (let second = 0; second < 3; second++) assert.throws(() => after(1), /EMFILE/);
  assert.equal(passes(), 0);
  assert.equal(healer.lossReasons().length, 1);
  for (let second = 0; second < 5; second++) after(1);
  assert.equal(passes(), 2);
  fail(1);
  assert.throws(() => after(3600), /EMFILE/);
  after(1);
  assert.equal(passes(), 3, 'that of the period too');
});
