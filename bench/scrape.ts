// A scrape of the metrics with 500 workloads, the answer about activity, and what it costs to read a process.
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { UsageReader } from '../src/collect/index.ts';
import { readStat } from '../src/collect/procfs/index.ts';
import { cpuSeconds } from './host.ts';
import { costNs, type Figure, type Measurement, quantile } from './measurement.ts';
import { start } from './programs.ts';

const SERVER = new URL('served-metrics.ts', import.meta.url).pathname;
const WORKLOADS = 500;
const OPENMETRICS = 'application/openmetrics-text';

export const scrape: Measurement = {
  name: 'scrape',
  how: `both listeners in a process of its own with 10,000 live processes of ${WORKLOADS} workloads, eight kinds of events behind each process, and a client in another on the same cores. CPU and memory of processes are given, not read: reading one is measured by itself, 2,000 times this process.`,
  async run({ quick, say }) {
    const program = start(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', SERVER],
      ['pipe', 'pipe', 2],
    );
    try {
      const [line] = (await once(createInterface({ input: program.child.stdout! }), 'line')) as [string];
      const { ops, api } = JSON.parse(line) as { ops: string; api: string };
      const rounds = quick ? 5 : 100;
      const figures: Figure[] = [];
      for (const [name, url, accept, target] of [
        [`a scrape with ${WORKLOADS} workloads`, `${ops}/metrics`, 'text/plain', { atMost: 50 }],
        ['the same as OpenMetrics, with exemplars', `${ops}/metrics`, OPENMETRICS, { atMost: 50 }],
        ['activity of all places, 100 of them in the answer', `${api}/api/v1/activity`, '*/*', undefined],
      ] as const) {
        const ask = async () => {
          const began = performance.now();
          const response = await fetch(url, { headers: { accept } });
          const text = await response.text();
          if (response.status !== 200) throw new Error(`${url}: ${text}`);
          return { ms: performance.now() - began, text };
        };
        for (let round = 0; round < 5; round++) await ask();
        const before = cpuSeconds(program.pid);
        const answers = [];
        for (let round = 0; round < rounds; round++) answers.push(await ask());
        const cpuMs = ((cpuSeconds(program.pid) - before) * 1000) / rounds;
        const { text } = answers[0]!;
        const series = text.match(/^cognitod_workload_forks_total\{.*workload="checkout-/gm)?.length;
        if (url.endsWith('/metrics') && series !== WORKLOADS)
          throw new Error(`${series} workloads in the scrape`);
        const ms = answers.map((answer) => answer.ms);
        const p99 = quantile(ms, 0.99);
        say(
          `${name}: median ${quantile(ms, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${(text.length / 1e3).toFixed(0)} kB`,
        );
        figures.push(
          { name, unit: 'ms', samples: ms, ...(target === undefined ? {} : { target }) },
          { name: `${name}, 99th percentile`, unit: 'ms', samples: [p99] },
          { name: `${name}, CPU of the server`, unit: 'ms', samples: [cpuMs] },
        );
      }
      figures.push({ name: 'reading CPU and memory of a process', unit: 'µs', samples: readingCosts(quick) });
      return figures;
    } finally {
      await program.stop('SIGKILL');
    }
  },
};

function readingCosts(quick: boolean): number[] {
  const { pid } = process;
  const { startNs } = readStat('/proc', pid)!;
  const reader = new UsageReader({ procRoot: '/proc', nowMs: () => performance.now(), minAgeMs: -1 });
  const count = 2000;
  return Array.from({ length: quick ? 1 : 5 }, () => {
    // Each its own object, so that each is read.
    const processes = Array.from({ length: 60 }, () => ({ pid, startNs, state: 'running' }));
    return (
      costNs(count, () => {
        for (let done = 0; done < count; done += processes.length) void reader.refresh(processes);
      }) / 1000
    );
  });
}
