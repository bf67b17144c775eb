// What the kernel programs cost per event, by the kernel's own statistics.
import { readFileSync, writeFileSync } from 'node:fs';
import { EbpfCollector } from '../src/collect/index.ts';
import { checkLayout, createMasker } from '../src/decode/index.ts';
import { loadPrograms, readProgramStats } from '../src/kernel/index.ts';
import { onCleanup, sleep } from './host.ts';
import type { Measurement } from './measurement.ts';
import { ownExitWith, runWorkload } from './programs.ts';

const SWITCH = '/proc/sys/kernel/bpf_stats_enabled';
const TARGETS_NS: Readonly<Record<string, number>> = { fork: 1000, exec: 1900, exit: 1000 };

export const programCost: Measurement = {
  name: 'program-cost',
  how: "`kernel.bpf_stats_enabled` (put back afterwards); run time ÷ runs of each program over vfork and exec at full speed, with the agent's collector reading the ring. Includes the two clock readings of the statistics themselves.",
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
    const samples: Record<string, number[]> = { fork: [], exec: [], exit: [] };
    try {
      await collector.start({ record() {}, batchEnd() {} });
      const executable = ownExitWith('bench-program-cost');
      const read = () =>
        programs.programs.map((program) => ({ ...program, ...readProgramStats(program.programFd) }));
      const [forks, execs] = quick ? [4000, 2000] : [20_000, 10_000];
      for (let round = 0; round < (quick ? 2 : 9); round++) {
        const start = read();
        await runWorkload(executable, 'vforks', forks, 2);
        await runWorkload(executable, 'execs', execs, 2);
        await sleep(50);
        read().forEach(({ hook, runTimeNs, runCount }, index) => {
          const nsPerRun = (runTimeNs - start[index]!.runTimeNs) / (runCount - start[index]!.runCount);
          samples[hook.slice(hook.lastIndexOf('_') + 1)]!.push(nsPerRun);
        });
        say(
          Object.entries(samples)
            .map(([kind, all]) => `${kind} ${all.at(-1)!.toFixed(0)} ns`)
            .join(', '),
        );
      }
    } finally {
      await collector.close();
      writeFileSync(SWITCH, before);
    }
    return Object.entries(samples).map(([kind, all]) => ({
      name: `${kind} program, per run`,
      unit: 'ns',
      samples: all,
      target: { atMost: TARGETS_NS[kind]! },
    }));
  },
};
