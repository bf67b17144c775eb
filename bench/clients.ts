// Many clients of the event stream at once: whether each gets everything, how late, and what those cost that do not read.
import { copyFileSync } from 'node:fs';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { boottimeNs } from '../src/os/index.ts';
import { EXIT_WITH, WORKLOAD } from '../test/support/workload.ts';
import { rssMegabytes, scratchDirectory, sleep, until } from './host.ts';
import { type Figure, type Measurement, quantile } from './measurement.ts';
import { ownExitWith, type RunningAgent, start, startAgent } from './programs.ts';

const CLIENTS = 20;
const SILENT = 200;
/** Processes of one burst, ten of them a second: with its fork and exit each, 5,000 events a second. */
const BURST = 250;
const BURST_MS = 100;
/** What one run of the workload adds: fork and exit of its one parent, its own exec and exit. */
const OVERHEAD = 4;
const COMM = 'bench-clients';

/** Counts records without parsing them: twenty clients share this process with nothing else to do. */
class Counter {
  events = 0;
  gaps = 0;
  readonly #response: IncomingMessage;
  #rest = '';

  private constructor(response: IncomingMessage) {
    this.#response = response;
    response.setEncoding('latin1').on('data', (text: string) => this.#take(text));
    response.on('error', () => {});
  }

  static async open(agent: RunningAgent, query: string): Promise<Counter> {
    const request = get(`${agent.api}/api/v1/events?${query}`, { agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new Counter(response);
  }

  close(): void {
    this.#response.destroy();
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      if (!line.startsWith('event: ')) continue;
      if (line === 'event: gap') this.gaps++;
      else if (line !== 'event: ready') this.events++;
    }
  }
}

/** The workload under a name that nobody else on the machine has. */
function ownWorkload(): string {
  ownExitWith(COMM);
  const path = join(scratchDirectory(), COMM);
  copyFileSync(WORKLOAD, path);
  return path;
}

async function burst(workload: string): Promise<void> {
  const program = start(workload, [EXIT_WITH, 'vforks', String(BURST), '1'], ['ignore', 'ignore', 'ignore']);
  await once(program.child, 'exit');
  if (program.child.exitCode !== 0) throw new Error(`the workload failed with ${program.child.exitCode}`);
}

/** Bursts at their times; the events that they make, and how long it took. */
async function load(workload: string, bursts: number): Promise<{ events: number; seconds: number }> {
  const began = performance.now();
  const running: Promise<void>[] = [];
  for (let made = 0; made < bursts; made++) {
    await sleep(Math.max(0, began + made * BURST_MS - performance.now()));
    running.push(burst(workload));
  }
  await Promise.all(running);
  return { events: bursts * (2 * BURST + OVERHEAD), seconds: (performance.now() - began) / 1000 };
}

async function throughput(agent: RunningAgent, workload: string, bursts: number, rounds: number, say: Say) {
  const missing: number[] = [];
  const rates: number[] = [];
  const cpu: number[] = [];
  let expected = 0;
  for (let round = 0; round < rounds; round++) {
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, () => Counter.open(agent, `comm=${COMM}`)),
    );
    const cpuBefore = agent.cpuSeconds();
    const { events, seconds } = await load(workload, bursts);
    expected = events;
    await until('the last event', 20, () =>
      clients.every((client) => client.events >= events) ? true : undefined,
    ).catch(() => {});
    cpu.push((100 * (agent.cpuSeconds() - cpuBefore)) / seconds);
    const got = clients.map((client) => client.events);
    missing.push(clients.reduce((sum, client) => sum + Math.abs(events - client.events) + client.gaps, 0));
    rates.push(events / seconds);
    say(`${Math.min(...got)} to ${Math.max(...got)} of ${events} events at ${CLIENTS} clients`);
    for (const client of clients) client.close();
    await sleep(200);
  }
  return { missing, rates, cpu, expected };
}

async function delays(agent: RunningAgent, count: number): Promise<number[]> {
  const executable = ownExitWith('bench-delay');
  const request = get(`${agent.api}/api/v1/events?comm=bench-delay&type=exec`, { agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const ms: number[] = [];
  response.setEncoding('utf8').on('data', (text: string) => {
    const now = boottimeNs();
    for (const [, ktimeNs] of text.matchAll(/"ktime_ns":(\d+)/g))
      ms.push(Number(now - BigInt(ktimeNs!)) / 1e6);
  });
  for (let made = 0; made < count; made++) {
    const { child } = start(executable, ['0'], ['ignore', 'ignore', 'ignore']);
    await once(child, 'exit');
    await sleep(60);
  }
  await until('the last event', 10, () => (ms.length >= count ? true : undefined));
  response.destroy();
  return ms;
}

async function memoryWithSilent(agent: RunningAgent, workload: string, bursts: number): Promise<number> {
  const { hostname, port } = new URL(agent.api);
  const silent: Socket[] = [];
  try {
    for (let made = 0; made < SILENT; made++) {
      const socket = connect(Number(port), hostname).on('error', () => {});
      silent.push(socket);
      socket.pause().write('GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    }
    await load(workload, bursts);
    return rssMegabytes(agent.pid).total;
  } finally {
    for (const socket of silent) socket.destroy();
  }
}

type Say = (text: string) => void;

export const clients: Measurement = {
  name: 'clients',
  how: `the real agent, and its clients in one process on the same cores. ${BURST} vfork+exit every ${BURST_MS} ms, so 5,000 events a second, of one command, which each of ${CLIENTS} clients filters by. Delay: from the kernel's time of an exec to its record in the client, both by CLOCK_BOOTTIME, single events 60 ms apart. Memory: after the same load with ${SILENT} clients that do not read.`,
  async run({ quick, say }): Promise<Figure[]> {
    const agent = await startAgent();
    try {
      const workload = ownWorkload();
      const { missing, rates, cpu, expected } = await throughput(
        agent,
        workload,
        quick ? 10 : 100,
        quick ? 1 : 3,
        say,
      );
      const late = await delays(agent, quick ? 10 : 200);
      const silentMb = await memoryWithSilent(agent, workload, quick ? 10 : 100);
      say(`${silentMb.toFixed(0)} MB with ${SILENT} clients that do not read`);
      return [
        {
          name: `events missing at ${CLIENTS} clients, of ${expected} each`,
          unit: 'events',
          samples: missing,
          target: { atMost: 0 },
        },
        { name: 'events per second meanwhile', unit: '1/s', samples: rates },
        { name: `CPU of the agent meanwhile`, unit: '% of a core', samples: cpu },
        { name: 'delay of a single event', unit: 'ms', samples: late, target: { atMost: 30 } },
        {
          name: 'delay of a single event, 99th percentile',
          unit: 'ms',
          samples: [quantile(late, 0.99)],
        },
        {
          name: `memory of the agent with ${SILENT} clients that do not read`,
          unit: 'MB',
          samples: [silentMb],
        },
      ];
    } finally {
      await agent.stop();
    }
  },
};
