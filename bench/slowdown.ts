// How much longer the life of a process takes while the agent watches.
import { performance } from 'node:perf_hooks';
import { childrenCpuSeconds, sleep } from './host.ts';
import { type Measurement, median } from './measurement.ts';
import { type RunningAgent, runWorkloadSync, startAgent } from './programs.ts';

interface Run {
  readonly cpu: number;
  readonly wall: number;
}

export const slowdown: Measurement = {
  name: 'slowdown',
  how: 'fork, exec and exit of /bin/true, again and again, from a small static program; runs with the agent attached and without it directly after each other (off on on off …), the ratio of each such pair. CPU time is that of the workload and all its children (getrusage), the kernel programs included; wall-clock time has all the noise of the machine.',
  async run({ quick, say }) {
    const processes = quick ? 200 : 1000;
    const sessions = quick ? 2 : 10;
    const run = (): Run => {
      const cpu = childrenCpuSeconds();
      const started = performance.now();
      runWorkloadSync('/bin/true', 'execs', processes, 1);
      return { wall: (performance.now() - started) / 1000, cpu: childrenCpuSeconds() - cpu };
    };
    const pairs: { on: Run; off: Run }[] = [];
    run();
    for (let session = 0; session < sessions; session++) {
      let agent: RunningAgent | undefined;
      try {
        const offBefore = run();
        agent = await startAgent();
        // What the start itself does, reading /proc of every process among it, is over then.
        await sleep(700);
        const onFirst = run();
        const onSecond = run();
        await agent.stop();
        await sleep(200);
        const offAfter = run();
        pairs.push({ on: onFirst, off: offBefore }, { on: onSecond, off: offAfter });
      } finally {
        await agent?.stop();
      }
      if (session % 5 === 4) {
        const ratio = median(pairs.map(({ on, off }) => on.cpu / off.cpu));
        say(`${pairs.length} pairs, median ${((ratio - 1) * 100).toFixed(2)} % CPU`);
      }
    }
    const percent = (of: (run: Run) => number) => pairs.map(({ on, off }) => (of(on) / of(off) - 1) * 100);
    return [
      {
        name: 'CPU time of fork+exec+exit of /bin/true, more than without agent',
        unit: '%',
        samples: percent((run) => run.cpu),
        target: { atMost: 2 },
      },
      {
        name: 'wall-clock time of the same',
        unit: '%',
        samples: percent((run) => run.wall),
        target: { atMost: 2 },
      },
      {
        name: 'CPU time of one fork+exec+exit without agent',
        unit: 'µs',
        samples: pairs.map(({ off }) => (off.cpu / processes) * 1e6),
      },
    ];
  },
};
