// How much longer the life of a process takes while the agent watches.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { childrenCpuSeconds, onCleanup, sleep } from './host.ts';
import { type Measurement, median } from './measurement.ts';
import { ROOT, runWorkloadSync } from './programs.ts';
import type { Switch, Switched } from './switched-agent.ts';

interface Run {
  readonly cpu: number;
  readonly wall: number;
}

/** After a start the processes that were there before are read from /proc. */
const SETTLE_MS = 150;

export const slowdown: Measurement = {
  name: 'slowdown',
  how: 'fork, exec and exit of /bin/true, again and again, from a small static program. The whole agent is started and closed in a warm process; a round is four runs within about 1.5 s: without, with, with, without agent, and its sample the ratio of the two with it to the two without. CPU time is that of the workload and all its children (getrusage), the kernel programs included; wall-clock time has all the noise of the machine. What the programs themselves take is in program-cost.',
  async run({ quick, say }) {
    const processes = quick ? 50 : 250;
    const rounds = quick ? 4 : 160;
    const run = (): Run => {
      const cpu = childrenCpuSeconds();
      const started = performance.now();
      runWorkloadSync('/bin/true', 'execs', processes, 1);
      return { wall: (performance.now() - started) / 1000, cpu: childrenCpuSeconds() - cpu };
    };
    const child = fork(join(ROOT, 'bench/switched-agent.ts'), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    onCleanup(() => child.kill('SIGKILL'));
    const turn = async (word: Switch): Promise<Switched> => {
      const done = once(child, 'message', { signal: AbortSignal.timeout(20_000) });
      child.send(word);
      const [answer] = (await done) as [Switched];
      await sleep(SETTLE_MS);
      return answer;
    };
    const samples: { on: [Run, Run]; off: [Run, Run] }[] = [];
    await turn('on');
    await turn('off');
    run();
    for (let round = 1; round <= rounds; round++) {
      const before = run();
      await turn('on');
      const on: [Run, Run] = [run(), run()];
      const { execs } = await turn('off');
      if (execs < 2 * processes) throw new Error(`the agent saw ${execs} execs of ${2 * processes}`);
      samples.push({ on, off: [before, run()] });
      if (round % 20 === 0) {
        const ratio = median(samples.map(({ on, off }) => sum(on, 'cpu') / sum(off, 'cpu')));
        say(`${round} rounds, median ${((ratio - 1) * 100).toFixed(2)} % CPU`);
      }
    }
    child.disconnect();
    const percent = (of: keyof Run) => samples.map(({ on, off }) => (sum(on, of) / sum(off, of) - 1) * 100);
    return [
      {
        name: 'CPU time of fork+exec+exit of /bin/true, more than without agent',
        unit: '%',
        samples: percent('cpu'),
        target: { atMost: 2 },
      },
      {
        name: 'wall-clock time of the same',
        unit: '%',
        samples: percent('wall'),
        target: { atMost: 2 },
      },
      {
        name: 'CPU time of one fork+exec+exit without agent',
        unit: 'µs',
        samples: samples.map(({ off }) => (sum(off, 'cpu') / processes / 2) * 1e6),
      },
    ];
  },
};

const sum = ([first, second]: readonly [Run, Run], of: keyof Run) => first[of] + second[of];
