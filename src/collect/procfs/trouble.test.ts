// A procfs that vanishes under the reader, forbids, lies or breaks: never an error, never a false event.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { NOTHING_MASKED } from '../../decode/index.ts';
import { CognitodError } from '../../lib/errors.ts';
import { ProcfsCollector } from './collector.ts';
import { briefly, FakeProc, PF_FORKNOEXEC } from './fake-proc.fixture.ts';
import { DENIED, FAILED, GONE } from './proc-files.ts';

for (const file of ['stat', 'status', 'cgroup', 'cmdline']) {
  test(`a process that vanishes when its ${file} is read is as if it had never been`, async () => {
    using proc = new FakeProc();
    const { look, errors, collector } = await proc.watch();
    proc.put({ pid: 10 });
    proc.put({ pid: 11, flags: PF_FORKNOEXEC });
    proc.files.intercept = (pid, asked) => {
      if (pid !== 10 || asked !== file) return undefined;
      proc.remove(10);
      return GONE;
    };
    assert.deepEqual(briefly(look()), ['fork 11']);
    assert.deepEqual(look(), []);
    assert.deepEqual(errors, []);
    assert.deepEqual(collector.status().decodeErrors, {
      procfs_malformed: 0,
      procfs_failed: 0,
      procfs_looks_failed: 0,
    });
  });
}

test('a pid that is given to another process while it is read is told with the next look', async () => {
  using proc = new FakeProc();
  const { look } = await proc.watch();
  proc.put({ pid: 10, start: 100 });
  proc.files.intercept = (pid, file) => {
    if (pid === 10 && file === 'cmdline') proc.put({ pid: 10, start: 200, comm: 'other', argv: ['other'] });
    return undefined;
  };
  assert.deepEqual(look(), []);
  proc.files.intercept = undefined;
  const [fork, exec] = look();
  assert.ok(fork?.type === 'fork' && exec?.type === 'exec');
  assert.deepEqual([fork.startNs, exec.argv], [2_000_000_000n, ['other']]);
});

test('a process that execs while it is read is told with the arguments of its new image', async () => {
  using proc = new FakeProc();
  const { look } = await proc.watch();
  proc.put({ pid: 10, flags: PF_FORKNOEXEC, argv: ['before'] });
  let reads = 0;
  proc.files.intercept = (pid, file) => {
    if (pid === 10 && file === 'cmdline' && reads++ === 1)
      proc.put({ pid: 10, image: 77, argv: ['after'], comm: 'after' });
    if (pid === 10 && file === 'cmdline' && reads === 1) proc.put({ pid: 10, image: 76, argv: ['middle'] });
    return undefined;
  };
  const records = look();
  assert.deepEqual(briefly(records), ['fork 10', 'exec 10']);
  assert.ok(records[1]?.type === 'exec');
  assert.deepEqual([records[1].argv, records[1].comm], [['after'], 'after']);
  assert.deepEqual(look(), []);
});

test('a process that may not be read is counted, and is not taken to have exited', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 10 });
  const { look, collector } = await proc.watch();
  proc.put({ pid: 11 });
  proc.files.intercept = (pid) => (pid === 1 ? undefined : DENIED);
  assert.deepEqual(look(), []);
  assert.equal(collector.status().hooks.at(-1), '2 processes may not be read by this agent');
  proc.files.intercept = undefined;
  assert.deepEqual(briefly(look()), ['fork 11', 'exec 11']);
  assert.equal(collector.status().hooks.length, 1);
});

test('a read that fails is counted, and the process is not taken to have exited', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 10 });
  const { look, collector } = await proc.watch();
  proc.files.intercept = (pid) => (pid === 10 ? FAILED : undefined);
  assert.deepEqual(look(), []);
  assert.equal(collector.status().decodeErrors.procfs_failed, 1);
});

for (const garbage of [
  '',
  '\0\0\0',
  '12',
  '12 (x',
  '12 (x) ',
  '12 (x) S',
  '12 (x) S 1 1 1',
  '(((',
  '12 (x) S a b',
]) {
  test(`${JSON.stringify(garbage)} as stat is counted and skipped`, async () => {
    using proc = new FakeProc();
    proc.put({ pid: 10 });
    const { look, collector } = await proc.watch();
    proc.writeStat(10, garbage);
    proc.writeStat(12, garbage);
    assert.deepEqual(look(), []);
    assert.equal(collector.status().decodeErrors.procfs_malformed, 2);
  });
}

test('a status without ids is counted and skipped', async () => {
  using proc = new FakeProc();
  const { look, collector } = await proc.watch();
  proc.put({ pid: 10 });
  proc.files.intercept = (pid, file) => (pid === 10 && file === 'status' ? 0 : undefined);
  assert.deepEqual(look(), []);
  assert.equal(collector.status().decodeErrors.procfs_malformed, 1);
});

for (const listing of ['fails', 'empty'] as const) {
  test(`when the listing ${listing === 'fails' ? 'fails' : 'is empty'} nobody has exited, and it is told once`, async () => {
    using proc = new FakeProc();
    proc.put({ pid: 10 });
    const { look, errors } = await proc.watch();
    proc.files.listing = listing;
    for (let round = 0; round < 3; round++) assert.deepEqual(look(), []);
    assert.equal(errors.length, 1);
    assert.ok(errors[0] instanceof CognitodError && errors[0].code === 'PROC_UNREADABLE');
    proc.files.listing = 'real';
    proc.remove(10);
    assert.deepEqual(briefly(look()), ['exit 10']);
    proc.files.listing = listing;
    look();
    assert.equal(errors.length, 2);
  });
}

test('a folder that is no procfs, or is not there, is refused with a hint', () => {
  const folder = mkdtempSync(join(tmpdir(), 'no-proc-'));
  try {
    for (const procRoot of [folder, join(folder, 'missing')]) {
      const options = {
        procRoot,
        intervalMs: 1,
        boottimeNs: () => 0n,
        mask: () => NOTHING_MASKED,
        onError() {},
      };
      assert.throws(
        () => new ProcfsCollector(options),
        (error: unknown) =>
          error instanceof CognitodError &&
          error.code === 'PROC_UNREADABLE' &&
          error.message.startsWith(`${procRoot} cannot be read: `) &&
          /proc_root/.test(error.hint ?? ''),
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the names of processes cannot forge what is read of them', async () => {
  using proc = new FakeProc();
  const names = ['(', ')', ') Z 0', 'a b) R 1 (c', '\n) X 9 9\n', '\rUid: 0 0 0 0', ''];
  for (const [index, comm] of names.entries()) proc.put({ pid: 10 + index, comm });
  proc.put({ pid: 30, comm: Uint8Array.of(0xff, 0x29, 0x20) });
  const { first } = await proc.watch();
  const shown = new Map(
    first.map((record) => (record.type === 'snapshot' ? [record.pid, record] : [0, null])),
  );
  for (const [index, comm] of names.entries()) {
    const snapshot = shown.get(10 + index)!;
    assert.deepEqual([snapshot.comm, snapshot.parentPid, snapshot.uid], [comm, 1, 1000]);
  }
  assert.equal(shown.get(30)!.comm, '\\xff) ');
});
