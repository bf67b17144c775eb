import assert from 'node:assert/strict';
import { test } from 'node:test';
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
