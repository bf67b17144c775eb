// The book of processes: snapshots, changes, ends, and what comes in between.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LiveRecordJson, ProcessJson } from '../../src/api/index.ts';
import { LiveList, shortCommand } from './live-list.ts';
import { buildTree, type TreeRow } from './process-tree.ts';

const TIME = '2026-01-01T00:00:00.000000000Z';

function process(pid: number, changes: Partial<ProcessJson> = {}): ProcessJson {
  return {
    process_id: `p${pid}`,
    pid,
    parent_process_id: null,
    start_time: TIME,
    comm: `c${pid}`,
    executable: null,
    argv: [`c${pid}`],
    uid: 0,
    kernel_thread: false,
    container_id: null,
    pod_uid: null,
    unit: null,
    ...changes,
  } as ProcessJson;
}

const inPod = { pod_uid: 'uid-1', pod_name: 'api-1', namespace: 'shop', container_id: 'c'.repeat(64) };
const workload = { workload_kind: 'Deployment', workload_name: 'api', container_name: 'main' };
const head = { schema_version: 1, time: TIME } as const;
const snapshot = (one: ProcessJson): LiveRecordJson => ({ ...head, type: 'snapshot', process: one });
const changed = (one: ProcessJson): LiveRecordJson => ({ ...head, type: 'process', process: one });
const end = (processes: number): LiveRecordJson => ({ ...head, type: 'snapshot-end', processes });
const exit = (pid: number): LiveRecordJson =>
  ({
    ...head,
    type: 'exit',
    process_id: `p${pid}`,
    pid,
    exit_code: 2,
    exit_signal: null,
    exit_signal_name: null,
  }) as unknown as LiveRecordJson;

function bookOf(...records: LiveRecordJson[]) {
  const clock = { ms: 0 };
  const book = new LiveList(() => clock.ms);
  for (const record of records) book.apply(record);
  return { book, clock };
}

const pids = (book: LiveList) => [...book.rows()].map(({ pid }) => pid);
const view = { search: '', collapsed: new Set<string>(), showEnded: false };
const names = (rows: readonly TreeRow[]) =>
  rows.map((row) => `${row.level} ${row.kind === 'group' ? row.group.name : row.row.pid}`);

test('a second snapshot takes away what was not in it, and nothing that came meanwhile', () => {
  const { book } = bookOf(snapshot(process(1)), snapshot(process(2)), end(2), changed(process(3)));
  assert.equal(book.complete, true);
  assert.deepEqual(pids(book), [1, 2, 3]);
  book.apply({ ...head, type: 'gap', lost: null, reason: 'slow-client' });
  book.apply(snapshot(process(2)));
  book.apply(changed(process(4)));
  assert.deepEqual(pids(book), [1, 2, 3, 4], 'nothing goes before the snapshot is complete');
  book.apply(end(1));
  assert.deepEqual(pids(book), [2, 4]);
});

test('a snapshot that broke off does not count', () => {
  const { book } = bookOf(snapshot(process(1)), end(1), snapshot(process(2)));
  book.apply({ ...head, type: 'ready', resumed: false });
  book.apply(snapshot(process(3)));
  book.apply(end(1));
  assert.deepEqual(pids(book), [3]);
  book.apply(end(0));
  assert.deepEqual(pids(book), [], 'an empty snapshot is one');
});

test('a stream that goes on changes only what it tells', () => {
  const { book } = bookOf(snapshot(process(1)), snapshot(process(2)), end(2));
  book.apply({ ...head, type: 'ready', resumed: true });
  book.apply(changed(process(3)));
  assert.deepEqual([book.complete, pids(book)], [true, [1, 2, 3]]);
});

test('an ended process stays for its time, one that leaves the filter does not', () => {
  const { book, clock } = bookOf(snapshot(process(1)), snapshot(process(2)), end(2), exit(1));
  book.apply({ ...head, type: 'leave', process_id: 'p2', pid: 2 });
  assert.deepEqual(pids(book), [1]);
  assert.deepEqual(book.rows().next().value?.ended, { atMs: 0, code: 2, signal: null });
  clock.ms = 999;
  book.forgetEnded(1000);
  assert.deepEqual(pids(book), [1]);
  clock.ms = 1000;
  book.forgetEnded(1000);
  assert.deepEqual(pids(book), []);
});

test('a flood of ends is bounded', () => {
  const { book } = bookOf();
  for (let pid = 1; pid <= 10_000; pid++) {
    book.apply(changed(process(pid)));
    book.apply(exit(pid));
  }
  assert.ok(pids(book).length <= 2_000);
  assert.ok(pids(book).includes(10_000));
});

test('the tree has namespace, workload, pod and container, children below their parents, the host last', () => {
  const { book } = bookOf(
    snapshot(process(9, { unit: 'ssh.service' })),
    snapshot(process(8, { kernel_thread: true })),
    snapshot(process(1, { ...inPod, ...workload })),
    snapshot(process(2, { ...inPod, ...workload, parent_process_id: 'p1' })),
    snapshot(process(3, { ...inPod, ...workload, parent_process_id: 'p9' })),
    end(5),
  );
  const { rows, matches } = buildTree(book.rows(), view);
  assert.deepEqual(names(rows), [
    '1 shop',
    '2 Deployment api',
    '3 api-1',
    '4 main',
    '5 1',
    '6 2',
    '5 3',
    '1 Host',
    '2 ssh.service',
    '3 9',
    '1 Kernel threads',
    '2 8',
  ]);
  assert.equal(matches, 5);
});

test('what is folded up hides what is in it; a search shows its matches and where they are', () => {
  const { book } = bookOf(snapshot(process(1, { ...inPod, ...workload })), snapshot(process(22)), end(2));
  const folded = buildTree(book.rows(), { ...view, collapsed: new Set(['ns/shop', 'host']) });
  assert.deepEqual(names(folded.rows), ['1 shop', '1 Host']);
  assert.equal(folded.matches, 2);
  assert.deepEqual(names(buildTree(book.rows(), { ...view, search: 'api-1 c1' }).rows), [
    '1 shop',
    '2 Deployment api',
    '3 api-1',
    '4 main',
    '5 1',
  ]);
  assert.deepEqual(names(buildTree(book.rows(), { ...view, search: '22' }).rows), ['1 Host', '2 22']);
  assert.equal(buildTree(book.rows(), { ...view, search: 'nothing' }).rows.length, 0);
});

test('a chain of thousands is no deeper than the stack', () => {
  const { book } = bookOf();
  for (let pid = 1; pid <= 20_000; pid++)
    book.apply(changed(process(pid, { parent_process_id: pid === 1 ? null : `p${pid - 1}` })));
  const { rows } = buildTree(book.rows(), view);
  assert.equal(rows.length, 20_001);
  assert.equal(rows.at(-1)!.level, 20_001);
});

test('a row is short and harmless whatever the arguments are', () => {
  const argv = ['sh', '-c', '\u202e\x1b[2J'.repeat(5_000), ...Array.from({ length: 10_000 }, () => 'x')];
  const text = shortCommand({ argv, comm: 'sh', kernel_thread: false });
  assert.ok(text.length <= 400);
  assert.doesNotMatch(text, /[\u0000-\u001f\u202e]/);
  assert.equal(shortCommand({ argv: null, comm: 'a\nb', kernel_thread: false }), 'a\\nb');
  assert.equal(shortCommand({ argv: [], comm: 'kworker', kernel_thread: true }), '[kworker]');
});
