// The workload does what it says: tests of other parts rest on its counts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runWorkload, startWorkload } from './index.ts';

/** mode and arguments, then forks, execs, exits, and the end of the last process. */
const MODES: readonly [string, number, number, number, number | string][] = [
  ['forks 20', 20, 0, 20, 19],
  ['forks 20 --parents 3', 23, 0, 23, 0],
  ['vforks 300', 300, 0, 300, 43],
  ['execs 20 --parents 2', 22, 20, 22, 0],
  ['execs 3 --fork', 3, 3, 3, 2],
  ['failed-execs 4', 4, 0, 4, 3],
  ['exec-chain 9 --code 7', 1, 9, 1, 7],
  ['threads 5 --code 6', 1, 0, 1, 6],
  ['threads 5 --leader-first --code 6', 1, 0, 1, 6],
  ['threads 5 --simultaneous --rounds 4 --code 6', 4, 0, 4, 6],
  ['exec-from-thread --code 8', 1, 1, 1, 8],
  ['signals 15,9', 2, 0, 2, 'signal 9'],
  ['signals 11 --by-parent', 1, 0, 1, 'signal 11'],
  ['codes 0,255,256', 3, 0, 3, 0],
  ['reparent --code 5', 2, 0, 2, 5],
  ['clone-parent', 2, 0, 2, 43],
  ['argv 66ff - 0a1b --code 3', 1, 1, 1, 3],
  ['big-argv 300000 --each 131072', 1, 1, 1, 0],
  ['memfd --code 4', 1, 1, 1, 4],
  ['deleted --code 4', 1, 1, 1, 4],
  ['nested 4', 4, 0, 4, 4],
  ['comm 2829 --code 2', 1, 0, 1, 2],
];

for (const [line, forks, execs, exits, end] of MODES) {
  test(`${line} makes ${forks} forks, ${execs} execs and ${exits} exits`, async () => {
    const report = await runWorkload(...line.split(' '), '--pids');
    assert.deepEqual([report.forks, report.execs, report.exits], [forks, execs, exits]);
    assert.equal(report.processes!.length, exits);
    assert.equal(
      report.processes!.reduce((sum, life) => sum + life.execs, 0),
      execs,
    );
    const last = report.processes!.at(-1)!;
    assert.equal(last.signal === null ? last.exit_code : `signal ${last.signal}`, end);
  });
}

test('a process made with CLONE_PARENT has the workload as parent and another as forker', async () => {
  const { pid, processes } = await runWorkload('clone-parent', '--pids');
  const [forker, sibling] = processes!;
  assert.equal(sibling!.parent, pid);
  assert.equal(sibling!.forker, forker!.pid);
});

test('hold keeps its children until its input ends, and they end with it when it is killed', async () => {
  const held = startWorkload('hold', 3, '--exec', '--pids');
  try {
    await held.ready;
    const children = readFileSync(`/proc/${held.pid}/task/${held.pid}/children`, 'utf8');
    assert.equal(children.trim().split(' ').length, 3);
    assert.equal((await held.finish()).exits, 3);
  } finally {
    await held.kill();
  }
});

test('pid-reuse gives one pid two lives', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
  const { processes } = await runWorkload('pid-reuse', '--pids', '--gap-ms', 20);
  assert.deepEqual(
    processes!.map(({ kind, exit_code }) => [kind, exit_code]),
    [
      ['probe', 0],
      ['first-life', 51],
      ['second-life', 52],
    ],
  );
  assert.equal(new Set(processes!.map(({ pid }) => pid)).size, 1);
});

test('churn runs for its time', async () => {
  const report = await runWorkload('churn', 0.3, '--parents', 2, '--kind', 'vfork');
  assert.ok(report.elapsed_ns >= 0.3e9);
  assert.equal(report.forks, report.exits);
  assert.ok(report.forks > 2);
});

test('what it cannot do it says, and prints no report', async () => {
  await assert.rejects(runWorkload('signals', 17), /ended with 1: workload: signal 17 kills nobody/);
  await assert.rejects(runWorkload('big-argv', 100_000_000), /Argument list too long/);
  await assert.rejects(runWorkload('nothing'), /ended with 2: .*unknown mode/);
});
