// Tests the reader of /proc/PID/cgroup against made and real files.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createProcReader, hasOwnCgroupNamespace } from './proc-reader.ts';

function makeProc(context: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'proc-'));
  context.after(() => rmSync(root, { recursive: true }));
  return root;
}

function addProcess(root: string, pid: number | string, content: string): void {
  mkdirSync(join(root, `${pid}`));
  writeFileSync(join(root, `${pid}`, 'cgroup'), content);
}

test('the content of the file is returned as it is', (context) => {
  const root = makeProc(context);
  const content = '12:pids:/a\n0::/système (deleted)\n';
  addProcess(root, 7, content);
  addProcess(root, 8, '');
  addProcess(root, 1, '0::/init.scope\n');
  const read = createProcReader(root, 'cgroup');
  // One character for each byte.
  const raw = Buffer.from(content).toString('latin1');
  assert.equal(read(7), raw);
  assert.equal(read(8), '');
  assert.equal(read(1), '0::/init.scope\n');
  assert.equal(read(7), raw, 'nothing is left over from the file before');
});

test('a process that is gone or a pid that is none gives null', (context) => {
  const root = makeProc(context);
  addProcess(root, 0, '0::/');
  addProcess(root, -1, '0::/');
  addProcess(root, 'NaN', '0::/');
  mkdirSync(join(root, '9', 'cgroup'), { recursive: true });
  const read = createProcReader(root, 'cgroup');
  for (const pid of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 5, 9])
    assert.equal(read(pid), null, `${pid}`);
  assert.equal(createProcReader(join(root, 'absent'), 'cgroup')(1), null);
});

test('an endless file is cut after its last whole line', (context) => {
  const root = makeProc(context);
  addProcess(root, 7, '0::/abc\n'.repeat(100_000).slice(3));
  addProcess(root, 8, 'x'.repeat(200_000));
  const read = createProcReader(root, 'cgroup');
  const text = read(7)!;
  assert.ok(text.length > 60_000 && text.length < 70_000);
  assert.ok(text.startsWith('/abc\n0::/abc\n') && text.endsWith('\n0::/abc\n'));
  assert.equal(read(8), '');
});

test('a real process is read and no descriptor stays open', () => {
  const read = createProcReader('/proc', 'cgroup');
  assert.match(read(process.pid)!, /^\d+:[^:]*:\//);
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 50; i++) read(process.pid);
  for (let i = 0; i < 50; i++) read(2 ** 30);
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test('only another cgroup namespace than the initial one is an own one', (context) => {
  const root = makeProc(context);
  assert.equal(hasOwnCgroupNamespace(root), false, 'cannot be told');
  mkdirSync(join(root, 'self', 'ns'), { recursive: true });
  symlinkSync('cgroup:[4026531835]', join(root, 'self', 'ns', 'cgroup'));
  assert.equal(hasOwnCgroupNamespace(root), false);
  rmSync(join(root, 'self', 'ns', 'cgroup'));
  symlinkSync('cgroup:[4026532471]', join(root, 'self', 'ns', 'cgroup'));
  assert.equal(hasOwnCgroupNamespace(root), true);
});
