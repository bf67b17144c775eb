// Cgroups that come, go and take processes in, as the kernel tells of them. Needs root and BPF.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { findHierarchy, makeCgroup } from '../../test/support/cgroups.ts';
import { cannotUseBpf, type Observation, observe } from '../../test/support/observe.ts';

const skip = cannotUseBpf();
const observations: Observation[] = [];
after(() => Promise.all(observations.map((seen) => seen.close())));

const NAME = `cognitod-test-${process.pid}`;

/** A new cgroup below the root of a hierarchy; gone after the test. */
function makeDirectory(t: TestContext, root: string, name: string): { procsFile: string; id: number } {
  const { procsFile, remove } = makeCgroup(root, name);
  t.after(remove);
  // The id of a cgroup is its inode number.
  return { procsFile, id: statSync(join(root, name)).ino };
}

/** A process that does nothing until the end of the test. */
async function startSleeper(t: TestContext): Promise<number> {
  const child = spawn('sleep', ['1000']);
  t.after(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });
  await once(child, 'spawn');
  return child.pid!;
}

async function start(hooks: 'tp_btf' | 'raw_tp'): Promise<Observation> {
  const seen = await observe({ hooks });
  observations.push(seen);
  return seen;
}

for (const hooks of ['tp_btf', 'raw_tp'] as const) {
  for (const kind of ['v2', 'memory'] as const) {
    const root = findHierarchy(kind);
    const why = skip || (root === undefined ? `this machine has no ${kind} hierarchy` : false);

    test(`a ${kind} cgroup is named before it has a process, and told of when it goes, with ${hooks}`, {
      skip: why,
    }, async (t) => {
      const seen = await start(hooks);
      const path = join(root!, NAME);
      mkdirSync(path);
      const id = statSync(path).ino;
      rmdirSync(path);
      const again = makeDirectory(t, root!, NAME);
      seen.collector.drain();
      const told = seen.cgroups.filter(
        ({ cgroupId, hierarchyId }) =>
          [id, again.id].includes(cgroupId) && (hierarchyId === 0) === (kind === 'v2'),
      );
      assert.deepEqual(
        told.map(({ cgroupId, path, removed }) => [cgroupId, path, removed]),
        [
          [id, `/${NAME}`, false],
          [id, '', true],
          [again.id, `/${NAME}`, false],
        ],
      );
    });

    test(`a process that is put into a ${kind} cgroup is told of, with ${hooks}`, {
      skip: why,
    }, async (t) => {
      const seen = await start(hooks);
      const sleeper = await startSleeper(t);
      const cgroup = makeDirectory(t, root!, `${NAME}-move`);
      const before = seen.collector.counts().move;
      writeFileSync(cgroup.procsFile, String(sleeper));
      seen.collector.drain();
      const moves = seen.moves.filter(({ pid }) => pid === sleeper);
      assert.deepEqual(
        moves.map((move) => (kind === 'v2' ? move.cgroupId : move.cgroupV1Id)),
        [cgroup.id],
      );
      const named = seen.records.findIndex((r) => r.type === 'cgroup' && r.cgroupId === cgroup.id);
      assert.ok(named !== -1 && named < seen.records.indexOf(moves[0]!), 'the cgroup is named first');
      const counts = seen.collector.counts().move;
      assert.ok(counts.kernel >= before.kernel + 1);
      assert.equal(counts.lost, 0);
    });
  }
}

const other = findHierarchy('cpu');
test('hierarchies that say nothing about containers are not told of', {
  skip: skip || (other === undefined ? 'this machine has no v1 cpu hierarchy of its own' : false),
}, async (t) => {
  const seen = await start('tp_btf');
  const cgroup = makeDirectory(t, other!, `${NAME}-cpu`);
  writeFileSync(cgroup.procsFile, '0');
  writeFileSync(join(other!, 'cgroup.procs'), '0');
  seen.collector.drain();
  assert.equal(seen.moves.filter(({ pid }) => pid === process.pid).length, 0);
  assert.equal(seen.cgroups.filter(({ path }) => path.endsWith(`${NAME}-cpu`)).length, 0);
});

test('records of moves that find no room are counted exactly', { skip }, async (t) => {
  const root = findHierarchy('v2') ?? findHierarchy('memory')!;
  const seen = await observe({ ringBytes: 4096 });
  observations.push(seen);
  const sleeper = await startSleeper(t);
  const cgroup = makeDirectory(t, root, `${NAME}-loss`);
  seen.collector.drain();
  seen.collector.pause();
  const before = seen.collector.counts().move;
  const told = seen.moves.length;
  for (let i = 0; i < 50; i++) {
    for (const file of [cgroup.procsFile, join(root, 'cgroup.procs')]) writeFileSync(file, String(sleeper));
  }
  seen.collector.drain();
  const counts = seen.collector.counts().move;
  assert.ok(counts.lost > before.lost, 'the ring was too small for 100 moves');
  assert.ok(counts.kernel - before.kernel >= 100);
  assert.equal(counts.kernel - counts.lost - before.kernel + before.lost, seen.moves.length - told);
});
