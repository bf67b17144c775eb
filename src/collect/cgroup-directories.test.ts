import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CgroupDirectories, findCgroupMounts } from './cgroup-directories.ts';

/** Directories in place of a hierarchy: an id is an inode here too. */
function hierarchy(t: TestContext): { root: string; make: (path: string) => number } {
  const root = mkdtempSync(join(tmpdir(), 'cognitod-hierarchy-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return {
    root,
    make(path) {
      mkdirSync(join(root, path), { recursive: true });
      return statSync(join(root, path)).ino;
    },
  };
}

test('a cgroup is found by its id, at once below a parent that is known', (t) => {
  const { root, make } = hierarchy(t);
  const pod = make('kubepods/pod1');
  let nowMs = 0;
  const directories = new CgroupDirectories({ v2: root, v1: null }, () => nowMs);
  const unknown = 4_000_000_000;
  assert.equal(directories.pathOf(0, pod, unknown), '/kubepods/pod1', 'by a walk');
  const container = make('kubepods/pod1/container');
  assert.equal(directories.pathOf(0, container, pod), '/kubepods/pod1/container', 'without another walk');
  const deep = make('a/b/c/d');
  assert.equal(directories.pathOf(0, deep, unknown), null, 'the next walk must wait');
  nowMs = 1000;
  assert.equal(directories.pathOf(0, deep, unknown), '/a/b/c/d');
  assert.equal(directories.pathOf(7, deep, unknown), null, 'another hierarchy, which is not mounted');
});

test('a cgroup that is gone has no name, and neither has one without a hierarchy', (t) => {
  const { root, make } = hierarchy(t);
  const gone = make('gone');
  rmSync(join(root, 'gone'), { recursive: true });
  assert.equal(new CgroupDirectories({ v2: root, v1: null }, () => 0).pathOf(0, gone, 1), null);
  assert.equal(new CgroupDirectories({ v2: null, v1: null }, () => 0).pathOf(0, 1, 1), null);
});

test('only the real root of a hierarchy is taken for one', (t) => {
  const { root } = hierarchy(t);
  const mounts = join(root, 'mounts');
  writeFileSync(mounts, `cgroup2 ${root} cgroup2 rw 0 0\nnone /nonexistent cgroup rw,memory 0 0\n`);
  assert.deepEqual(findCgroupMounts(mounts), { v1: null, v2: null });
});
