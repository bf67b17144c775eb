import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ProcessEvent, ProcessSnapshot } from '../decode/index.ts';
import { SnapshotMerge } from './snapshot-merge.ts';

const visit = (pid: number, ktimeNs: bigint) =>
  ({ type: 'snapshot', pid, startNs: 1n, ktimeNs }) as ProcessSnapshot;
const event = (pid: number, ktimeNs: bigint, startNs = 1n) =>
  ({ type: 'exit', pid, startNs, ktimeNs }) as ProcessEvent;

function merge(snapshots: ProcessSnapshot[], events: ProcessEvent[]): string[] {
  const order: string[] = [];
  const merging = new SnapshotMerge(snapshots, ({ pid }) => order.push(`snapshot ${pid}`));
  for (const one of events) {
    merging.before(one);
    order.push(`event ${one.pid}`);
  }
  merging.finish();
  return order;
}

test('a listed process comes before the first younger event', () => {
  assert.deepEqual(merge([visit(1, 10n), visit(2, 20n)], [event(9, 15n), event(9, 25n)]), [
    'snapshot 1',
    'event 9',
    'snapshot 2',
    'event 9',
  ]);
});

test('a process that an older event has shown is not listed again', () => {
  assert.deepEqual(merge([visit(1, 10n), visit(2, 20n)], [event(2, 5n)]), ['event 2', 'snapshot 1']);
});

test('another life of the same pid is another process', () => {
  assert.deepEqual(merge([visit(2, 20n)], [event(2, 5n, 99n)]), ['event 2', 'snapshot 2']);
});

test('a process whose first event comes after its visit is listed, then has the event', () => {
  assert.deepEqual(merge([visit(1, 10n)], [event(1, 30n)]), ['snapshot 1', 'event 1']);
});

test('a visit and an event of one moment: the listed process comes first', () => {
  assert.deepEqual(merge([visit(1, 10n)], [event(1, 10n), event(9, 10n)]), [
    'snapshot 1',
    'event 1',
    'event 9',
  ]);
});

test('without events all are listed in their order, once, however often it is finished', () => {
  const order: number[] = [];
  const merging = new SnapshotMerge([visit(3, 10n), visit(1, 10n), visit(2, 30n)], ({ pid }) =>
    order.push(pid),
  );
  merging.finish();
  merging.finish();
  assert.deepEqual(order, [3, 1, 2]);
});

test('a process that has only its exit, and was not listed, is not made up', () => {
  assert.deepEqual(merge([], [event(5, 10n)]), ['event 5']);
});

test('each process comes once, before all events that are younger than its visit', () => {
  const facts = fc.record({ pid: fc.nat({ max: 5 }), ktimeNs: fc.bigInt({ min: 0n, max: 30n }) });
  const byTime = (a: { ktimeNs: bigint }, b: { ktimeNs: bigint }) => Number(a.ktimeNs - b.ktimeNs);
  fc.assert(
    fc.property(
      fc.uniqueArray(facts, { selector: ({ pid }) => pid }),
      fc.array(facts, { maxLength: 12 }),
      (visited, happened) => {
        const visits = visited.map(({ pid, ktimeNs }) => visit(pid, ktimeNs)).sort(byTime);
        const events = happened.map(({ pid, ktimeNs }) => event(pid, ktimeNs)).sort(byTime);
        // The events, and the visits that none of the same process precedes, in the order of time.
        const listed = visits.filter(
          ({ pid, ktimeNs }) => !events.some((other) => other.pid === pid && other.ktimeNs < ktimeNs),
        );
        const expected = [...listed, ...events]
          .sort(byTime)
          .map(({ type, pid }) => `${type === 'snapshot' ? 'snapshot' : 'event'} ${pid}`);
        assert.deepEqual(merge(visits, events), expected);
      },
    ),
  );
});
