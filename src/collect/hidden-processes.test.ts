// Processes that are in a procfs and not in the kernel's own list, with a procfs made by hand.
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DecodedRecord, ProcessSnapshot } from '../decode/index.ts';
import { HiddenProcesses } from './hidden-processes.ts';
import { briefly, FakeProc } from './procfs/fake-proc.fixture.ts';

const ATTACHED_NS = 5_000_000_000n;
const listed = (pid: number, startNs: bigint, parentPid: number, parentStartNs: bigint) =>
  ({ type: 'snapshot', pid, startNs, parentPid, parentStartNs }) as ProcessSnapshot;

function search(proc: FakeProc, list: readonly ProcessSnapshot[], nowNs = 6_000_000_000n) {
  const hidden = new HiddenProcesses(proc.root);
  const told: DecodedRecord[] = [];
  const alive = (now = nowNs) => hidden.alive(list, ATTACHED_NS, now, (record) => told.push(record));
  return { alive, told, first: alive() };
}

test('what the list lacks is found, with its cgroup and the exact start that its child knows', () => {
  using proc = new FakeProc();
  proc.put({ pid: 20, start: 30, parent: 1 });
  const { first, told } = search(proc, [listed(20, 300_000_007n, 1, 10_000_123n)]);
  assert.deepEqual(briefly(first), ['snapshot 1']);
  const [init] = first;
  assert.equal(init!.startNs, 10_000_123n);
  assert.equal(init!.ktimeNs, 6_000_000_000n);
  assert.deepEqual([init!.executable, init!.argv], [null, null], 'read later, masked like all others');
  assert.deepEqual(briefly(told), ['cgroup 0::/init.scope']);
});

test('without a listed child its start is that of /proc; its parent is known by identity when listed', () => {
  using proc = new FakeProc();
  proc.put({ pid: 20, start: 30, parent: 10 });
  proc.put({ pid: 10, start: 20 });
  const { first } = search(proc, [listed(1, 10_000_123n, 0, 0n), listed(10, 200_000_001n, 1, 10_000_123n)]);
  assert.deepEqual(briefly(first), ['snapshot 20']);
  assert.deepEqual([first[0]!.startNs, first[0]!.parentStartNs], [300_000_000n, 200_000_001n]);
});

test('hidden processes know each other as parent and child', () => {
  using proc = new FakeProc();
  proc.put({ pid: 20, start: 30, parent: 1 });
  const { alive, first } = search(proc, [listed(30, 400_000_000n, 1, 10_000_123n)]);
  const lineage = (list: readonly ProcessSnapshot[]) =>
    list.map(({ pid, parentPid, parentStartNs }) => [pid, parentPid, parentStartNs]);
  const expected = [
    [1, 0, 0n],
    [20, 1, 10_000_123n],
  ];
  assert.deepEqual(lineage(first), expected);
  assert.deepEqual(lineage(alive()), expected);
});

test('a child of an earlier life of the pid says nothing about this one', () => {
  using proc = new FakeProc();
  const { first } = search(proc, [listed(20, 300_000_007n, 1, 990_000_123n)]);
  assert.equal(first[0]!.startNs, 10_000_000n);
});

test('a process that cannot be read for want of a descriptor is not taken for gone, nor a search for done', () => {
  using proc = new FakeProc();
  const hidden = new HiddenProcesses(proc.root);
  const alive = () => briefly(hidden.alive([], ATTACHED_NS, 6_000_000_000n, () => {}));
  const unreadable = (isSo: boolean) => {
    const file = join(proc.root, '1/stat');
    if (isSo) renameSync(file, `${file}-kept`);
    if (isSo) mkdirSync(file);
    else rmdirSync(file);
    if (!isSo) renameSync(`${file}-kept`, file);
  };
  for (const _ of ['the search', 'a later look']) {
    unreadable(true);
    assert.throws(alive, /1 cannot be read: EISDIR/);
    unreadable(false);
    assert.deepEqual(alive(), ['snapshot 1']);
  }
});

test('zombies, and what began after the hooks were attached, are not hidden', () => {
  using proc = new FakeProc();
  proc.put({ pid: 20, start: 30, state: 'Z', argv: [] });
  proc.put({ pid: 21, start: 499 });
  proc.put({ pid: 22, start: 500 });
  proc.put({ pid: 23, start: 600 });
  proc.put({ pid: 24, start: 498 });
  assert.deepEqual(briefly(search(proc, []).first), ['snapshot 1', 'snapshot 24']);
});

test('one that has ended, or whose pid lives again, is not alive any more', () => {
  using proc = new FakeProc();
  proc.put({ pid: 20, start: 30 });
  proc.put({ pid: 21, start: 31 });
  proc.put({ pid: 22, start: 32 });
  const { alive, first } = search(proc, []);
  assert.deepEqual(briefly(first), ['snapshot 1', 'snapshot 20', 'snapshot 21', 'snapshot 22']);
  proc.remove(20);
  proc.put({ pid: 21, start: 90 });
  proc.put({ pid: 22, start: 32, state: 'Z', argv: [] });
  proc.put({ pid: 30, start: 40 });
  assert.deepEqual(briefly(alive()), ['snapshot 1'], 'and none is searched for again');
});

test('each list carries the time of its visit', () => {
  using proc = new FakeProc();
  const { alive, first } = search(proc, []);
  assert.equal(first[0]!.ktimeNs, 6_000_000_000n);
  assert.equal(alive(7_000_000_000n)[0]!.ktimeNs, 7_000_000_000n);
  assert.equal(first[0]!.ktimeNs, 6_000_000_000n, 'what was given out stays as it was');
});

test('each list tells them as they are now: name, parent and cgroup may be others', () => {
  using proc = new FakeProc();
  proc.put({ pid: 20, start: 30, parent: 10 });
  const list = [listed(1, 10_000_123n, 0, 0n), listed(10, 200_000_001n, 1, 10_000_123n)];
  const { alive, first, told } = search(proc, list);
  assert.deepEqual([first[0]!.parentPid, first[0]!.parentStartNs], [10, 200_000_001n]);
  const cgroup = '0::/kubepods/pod1/c1\n';
  proc.put({ pid: 20, start: 30, parent: 1, comm: 'renamed', cgroup });
  const [now] = alive();
  assert.deepEqual([now!.comm, now!.parentPid, now!.parentStartNs], ['renamed', 1, 10_000_123n]);
  assert.deepEqual([now!.startNs, now!.argv], [first[0]!.startNs, null]);
  assert.deepEqual(briefly(told), ['cgroup 0::/init.scope', `cgroup ${cgroup.trim()}`]);
  const named = told[1]!;
  assert.ok(named.type === 'cgroup' && named.cgroupId === now!.cgroupId);
});

test('a procfs that is not there hides nothing', () => {
  assert.deepEqual(
    new HiddenProcesses('/nowhere/proc').alive([], ATTACHED_NS, 6_000_000_000n, () => {}),
    [],
  );
});
