// What the kernel programs cost per event, by the kernel's own statistics.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EbpfCollector } from '../src/collect/index.ts';
import { checkLayout, createMasker } from '../src/decode/index.ts';
import { attachedPrograms, loadPrograms, readProgramStats } from '../src/kernel/index.ts';
import { findHierarchy, makeCgroup } from '../test/support/cgroups.ts';
import { onCleanup, sleep } from './host.ts';
import type { Measurement } from './measurement.ts';
import { ownExitWith, runWorkload } from './programs.ts';

const SWITCH = '/proc/sys/kernel/bpf_stats_enabled';
const TARGETS_NS: Readonly<Record<string, number>> = { fork: 1000, exec: 1900, exit: 1000 };

/** `fork` of `tp_btf/sched_process_fork`; `cgroup_mkdir` of `tp_btf/cgroup_mkdir`. */
const kindOf = (hook: string) => hook.slice(hook.indexOf('/') + 1).replace('sched_process_', '');

/** Makes cgroups, moves a process in and out, and removes them. */
async function useCgroups(root: string, count: number): Promise<void> {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  await once(child, 'spawn');
  try {
    for (let index = 0; index < count; index++) {
      const cgroup = makeCgroup(root, `cognitod-bench-${process.pid}`);
      for (const file of [cgroup.procsFile, join(root, 'cgroup.procs')])
        writeFileSync(file, String(child.pid));
      await cgroup.remove();
    }
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}

export const programCost: Measurement = {
  name: 'program-cost',
  how: "`kernel.bpf_stats_enabled` (put back afterwards); run time ÷ runs of each program over vfork and exec at full speed, and over cgroups that are made, take a process in and are removed, with the agent's collector reading the ring. Includes the two clock readings of the statistics themselves.",
  async run({ quick, say }) {
    const before = readFileSync(SWITCH, 'utf8');
    onCleanup(() => writeFileSync(SWITCH, before));
    writeFileSync(SWITCH, '1');
    const programs = loadPrograms({
      hooks: 'tp_btf',
      ringBytes: 8 * 1024 * 1024,
      argvBytes: 4096,
      btfPath: null,
      checkTypes: checkLayout,
    });
    const collector = new EbpfCollector(programs, {
      mask: createMasker({ enabled: true, extraArguments: [], extraPatterns: [] }),
      procRoot: '/proc',
      listProcesses: () => [],
      onError: (error) => {
        throw error;
      },
    });
    onCleanup(() => void collector.close());
    const measured = attachedPrograms(programs).filter(({ facts }) => !facts.hook.startsWith('iter/'));
    const samples: Record<string, number[]> = Object.fromEntries(
      measured.map(({ facts }) => [kindOf(facts.hook), []]),
    );
    const cgroups = findHierarchy('v2');
    try {
      await collector.start({ record() {}, batchEnd() {} });
      const executable = ownExitWith('bench-program-cost');
      const read = () =>
        measured.map((program) => ({
          hook: program.facts.hook,
          ...readProgramStats(program.programFd!),
        }));
      const [forks, execs] = quick ? [4000, 2000] : [20_000, 10_000];
      for (let round = 0; round < (quick ? 2 : 9); round++) {
        const start = read();
        await runWorkload(executable, 'vforks', forks, 2);
        await runWorkload(executable, 'execs', execs, 2);
        if (cgroups !== undefined) await useCgroups(cgroups, quick ? 20 : 200);
        await sleep(50);
        read().forEach(({ hook, runTimeNs, runCount }, index) => {
          const nsPerRun = (runTimeNs - start[index]!.runTimeNs) / (runCount - start[index]!.runCount);
          if (runCount > start[index]!.runCount) samples[kindOf(hook)]!.push(nsPerRun);
        });
        say(
          Object.entries(samples)
            .map(([kind, all]) => `${kind} ${all.at(-1)?.toFixed(0) ?? '–'} ns`)
            .join(', '),
        );
      }
    } finally {
      await collector.close();
      writeFileSync(SWITCH, before);
    }
    return Object.entries(samples)
      .filter(([, all]) => all.length > 0)
      .map(([kind, all]) => ({
        name: `${kind} program, per run`,
        unit: 'ns',
        samples: all,
        ...(TARGETS_NS[kind] === undefined ? {} : { target: { atMost: TARGETS_NS[kind] } }),
      }));
  },
};
