import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProcessEvent, ProcessSnapshot } from '../decode/index.ts';
import { CoarseStarts } from './coarse-starts.ts';

const ATTACHED_NS = 1_000_000_000n;
const event = (type: 'fork' | 'exit', pid: number, startNs: bigint, parentStartNs: bigint) =>
  ({
    type,
    pid,
    startNs,
    parentPid: 1,
    parentStartNs,
    forkerStartNs: parentStartNs,
  }) as unknown as ProcessEvent;
const listed = (pid: number, startNs: bigint, parentPid: number, parentStartNs: bigint) =>
  ({ type: 'snapshot', pid, startNs, parentPid, parentStartNs }) as ProcessSnapshot;

test('a process from before the attach is known by its tick in events too', () => {
  const starts = new CoarseStarts(ATTACHED_NS);
  const exit = event('exit', 5, 123_456_789n, 19_999_999n);
  starts.apply(exit);
  assert.equal(exit.startNs, 120_000_000n);
  assert.equal(exit.parentStartNs, 10_000_000n);
});

test('a later process is known by its exact start in the list too, as long as it lives', () => {
  const starts = new CoarseStarts(ATTACHED_NS);
  starts.apply(event('fork', 7, 2_003_456_789n, 19_999_999n));
  const [own, child] = starts.refine([
    listed(7, 2_000_000_000n, 1, 10_000_000n),
    listed(8, 3_000_000_000n, 7, 2_000_000_000n),
  ]);
  assert.equal(own!.startNs, 2_003_456_789n);
  assert.equal(own!.parentStartNs, 10_000_000n);
  assert.equal(child!.parentStartNs, 2_003_456_789n);
  starts.apply(event('exit', 7, 2_003_456_789n, 19_999_999n));
  assert.equal(starts.refine([listed(7, 2_000_000_000n, 1, 0n)])[0]!.startNs, 2_000_000_000n);
});

test('the exact start is not given to another life of the pid', () => {
  const starts = new CoarseStarts(ATTACHED_NS);
  starts.apply(event('fork', 7, 2_003_456_789n, 0n));
  assert.equal(starts.refine([listed(7, 2_010_000_000n, 1, 0n)])[0]!.startNs, 2_010_000_000n);
});
