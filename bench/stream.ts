// One client of the event stream: whether it gets everything at full speed, and how fast a single event arrives.
import { performance } from 'node:perf_hooks';
import { openStream, startAgent } from '../test/support/agent.ts';
import { runWorkload } from '../test/support/workload.ts';
import { sleep } from './host.ts';
import type { Measurement } from './measurement.ts';

export const stream: Measurement = {
  name: 'stream',
  how: '`cognitod stream --json` as a client of the real agent on the same cores. At full speed: 20,000 execs with their forks and exits by two parents at once. Delay: from the time in an exec event to its line, single events 60 ms apart.',
  async run({ quick, say }) {
    const agent = await startAgent();
    try {
      const missing: number[] = [];
      const perSecond: number[] = [];
      const execs = quick ? 2000 : 20_000;
      for (let round = 0; round < (quick ? 1 : 5); round++) {
        const client = await openStream(agent);
        const began = performance.now();
        const { pid } = await runWorkload('execs', execs, 2);
        await client.until(
          (events) => events.some((event) => event.pid === pid && event.type === 'exit'),
          60_000,
        );
        perSecond.push(client.events.length / ((performance.now() - began) / 1000));
        const parents = new Set(
          client.events.filter((e) => e.type === 'fork' && e.ppid === pid).map((e) => e.pid),
        );
        const ours = client.events.filter((event) => parents.has(event.ppid) || parents.has(event.pid));
        const lost = client.gaps.reduce((sum, gap) => sum + Number(gap.lost), 0);
        missing.push(Math.max(lost, 3 * execs + 4 - ours.length));
        say(`${ours.length} of ${3 * execs + 4} events, ${lost} told as lost`);
        await client.stop();
      }
      const delays: number[] = [];
      const client = await openStream(agent, ['--type', 'exec', '--comm', 'exit-with']);
      for (let round = 0; round < (quick ? 10 : 200); round++) {
        const seen = client.events.length;
        await runWorkload('execs', 1);
        await client.until((events) => events.length > seen);
        delays.push(Date.now() - Date.parse(client.events.at(-1)!.time));
        await sleep(60);
      }
      await client.stop();
      const sorted = delays.toSorted((a, b) => a - b);
      return [
        {
          name: `events missing of ${3 * execs + 4}`,
          unit: 'events',
          samples: missing,
          target: { atMost: 0 },
        },
        { name: 'events per second to the client while the workload ran', unit: '1/s', samples: perSecond },
        { name: 'delay of an event', unit: 'ms', samples: delays, target: { atMost: 100 } },
        {
          name: 'delay of an event, 99th percentile',
          unit: 'ms',
          samples: [sorted[Math.floor(sorted.length * 0.99)]!],
          target: { atMost: 100 },
        },
      ];
    } finally {
      await agent.stop();
    }
  },
};
