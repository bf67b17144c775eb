// Every way in which the programs can be loaded, tried on whatever kernel runs here: the one that is chosen for it, those
// for older and newer kernels, and the one for a kernel that is locked down. Needs root and BPF.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { findHierarchy, makeCgroup } from '../../test/support/cgroups.ts';
import { cannotUseBpf, observe } from '../../test/support/observe.ts';
import { EXIT_WITH, runWorkload } from '../../test/support/workload.ts';
import { runWorkload as runLife, WORKLOAD } from '../../test/workload/index.ts';
import { kernelHas } from '../../test/support/kernel.ts';
import type { LoadOptions } from '../kernel/index.ts';

const skip = cannotUseBpf();
/** What lets a program hold off the preemption of itself, since 6.10. */
const cannotCopy =
  skip || (kernelHas('bpf_preempt_disable') ? false : 'the kernel has no bpf_preempt_disable');

const OLD_EXIT = { features: { exitTellsGroupDead: false } };
const PREEMPTIBLE = { features: { tracepointsPreemptible: true } };
const LOCKED_DOWN = { withoutKernelReads: true };
const VARIANTS: readonly (readonly [string, Partial<LoadOptions>, string | false])[] = [
  ['tp_btf', { hooks: 'tp_btf' }, skip],
  ['raw_tp', { hooks: 'raw_tp' }, skip],
  ['tp_btf, exits as before 6.16', { hooks: 'tp_btf', ...OLD_EXIT }, skip],
  ['raw_tp, exits as before 6.16', { hooks: 'raw_tp', ...OLD_EXIT }, skip],
  ['tp_btf in copies', { hooks: 'tp_btf', ...PREEMPTIBLE }, cannotCopy],
  ['raw_tp in copies', { hooks: 'raw_tp', ...PREEMPTIBLE }, cannotCopy],
  ['tp_btf on a locked down kernel', { hooks: 'tp_btf', ...LOCKED_DOWN }, skip],
  [
    'tp_btf in copies on a locked down kernel',
    { hooks: 'tp_btf', ...PREEMPTIBLE, ...LOCKED_DOWN },
    cannotCopy,
  ],
];

for (const [name, options, why] of VARIANTS) {
  test(`every fork, exec and exit is told once: ${name}`, { skip: why }, async () => {
    const seen = await observe(options);
    try {
      const vforks = seen.descendantsOf((await runWorkload('vforks', 1000, 3)).pid);
      const execs = seen.descendantsOf((await runWorkload('execs', 500, 3)).pid);
      assert.deepEqual([vforks.forks.length, vforks.exits.length], [1003, 1003]);
      assert.deepEqual([execs.forks.length, execs.execs.length, execs.exits.length], [503, 500, 503]);
      const numbers = new Set(execs.execs.map(({ argv }) => argv.at(-1)));
      assert.equal(numbers.size, 500, 'each argv once');
      assert.ok(execs.execs.every(({ executable }) => executable === EXIT_WITH));
      // Each exec takes the next number of its process, whose first is that of its parent.
      const born = new Map(execs.forks.map(({ pid, startNs, execId }) => [`${pid}:${startNs}`, execId!]));
      for (const { pid, startNs, execId } of execs.execs)
        assert.equal(execId, born.get(`${pid}:${startNs}`)! + 1);
      const threads = seen.descendantsOf((await runWorkload('simultaneous', 100, 8)).pid);
      assert.equal(threads.exits.length, threads.forks.length);
      const { fork, exec, exit } = seen.collector.counts();
      assert.deepEqual([fork.lost, exec.lost, exit.lost], [0, 0, 0]);
    } finally {
      await seen.close();
    }
  });

  test(`an exit has the name and user of its process, not of the thread that ends it: ${name}`, {
    skip: why,
  }, async () => {
    const seen = await observe(options);
    try {
      const { pid } = await runLife('threads', 2, '--leader-first', '--disguise', '--code', 7);
      const [exit] = seen.descendantsOf(pid).exits;
      assert.deepEqual(
        [exit?.exitCode, exit?.comm, exit?.uid, exit?.euid],
        [7, basename(WORKLOAD).slice(0, 15), 0, 0],
      );
      assert.notEqual(exit!.capEffective, 0, 'the thread has none');
    } finally {
      await seen.close();
    }
  });

  const root = findHierarchy('v2');
  const noRoot = root === undefined ? 'there is no v2 hierarchy' : false;
  test(`cgroups have their names: ${name}`, { skip: why || noRoot }, async (t) => {
    // One that is there before, and one that comes.
    const old = `cognitod-variant-${process.pid}`;
    const before = makeCgroup(root!, join(old, 'inner'));
    t.after(before.remove);
    const seen = await observe(options);
    try {
      const young = makeCgroup(root!, join(old, 'x'.repeat(200), 'y'.repeat(200), 'z'.repeat(200)));
      t.after(young.remove);
      for (const { procsFile } of [before, young])
        spawnSync('sh', ['-c', `echo $$ >'${procsFile}' && exec ${EXIT_WITH} 0`]);
      seen.collector.drain();
      for (const path of [
        `${old}/inner`,
        `${old}/${'x'.repeat(200)}/${'y'.repeat(200)}/${'z'.repeat(200)}`,
      ]) {
        const { ino } = statSync(join(root!, path));
        const named = seen.cgroups.filter(
          (one) => one.cgroupId === ino && !one.removed && one.hierarchyId === 0,
        );
        assert.deepEqual([...new Set(named.map((one) => one.path))], [`/${path}`]);
        assert.ok(seen.events.some((event) => event.type === 'exec' && event.cgroupId === ino));
      }
    } finally {
      await seen.close();
    }
  });
}
