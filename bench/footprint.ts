// What the agent takes: memory and CPU when idle, memory with a large table, time to start, snapshot.
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { checkLayout } from '../src/decode/index.ts';
import { loadPrograms, readTaskSnapshot, snapshotLink } from '../src/kernel/index.ts';
import { startWorkload } from '../test/support/workload.ts';
import { rssMegabytes, sleep } from './host.ts';
import type { Figure, Measurement } from './measurement.ts';
import { agentArguments, start, startAgent, startCognitod } from './programs.ts';

const LARGE_TABLE = new URL('large-table.ts', import.meta.url).pathname;

async function idle(seconds: number): Promise<{ rss: number; cpuPercent: number; events: number }> {
  const agent = await startAgent();
  try {
    await sleep(6000);
    const before = await agent.ledger();
    const cpu = agent.cpuSeconds();
    await sleep(seconds * 1000);
    const used = agent.cpuSeconds() - cpu;
    const rss = rssMegabytes(agent.pid).total;
    const after = await agent.ledger();
    const events = (['fork', 'exec', 'exit'] as const).reduce(
      (n, kind) => n + after.decoded[kind] - before.decoded[kind],
      0,
    );
    return { rss, cpuPercent: (100 * used) / seconds, events };
  } finally {
    await agent.stop();
  }
}

/** Milliseconds from the start of the command to its first line, and to the line of the first event after it. */
async function startTimes(): Promise<{ started: number; event: number }> {
  const began = performance.now();
  const program = startCognitod(agentArguments(), ['ignore', 'pipe', 'ignore']);
  try {
    const lines = createInterface({ input: program.child.stdout! });
    let started: number | undefined;
    const event = await new Promise<number>((resolve) => {
      lines.on('line', () => {
        if (started !== undefined) return resolve(performance.now() - began);
        started = performance.now() - began;
        spawn('/bin/true');
      });
    });
    return { started: started!, event };
  } finally {
    await program.stop();
  }
}

async function largeTableRss(): Promise<number> {
  const program = start(
    process.execPath,
    ['--max-semi-space-size=4', LARGE_TABLE],
    ['pipe', 'pipe', 'ignore'],
  );
  try {
    const [line] = (
      await new Promise<string>((resolve) =>
        program.child.stdout!.once('data', (data) => resolve(String(data))),
      )
    ).split('\n');
    if (line !== 'ready') throw new Error(`the large table said ${line}`);
    await sleep(1000);
    return rssMegabytes(program.pid).total;
  } finally {
    await program.stop('SIGKILL');
  }
}

async function snapshotMs(processes: number, rounds: number): Promise<{ ms: number[]; count: number }> {
  const held = startWorkload('hold', processes);
  const programs = loadPrograms({
    hooks: 'tp_btf',
    ringBytes: 1 << 23,
    argvBytes: 4096,
    btfPath: null,
    checkTypes: checkLayout,
  });
  try {
    await held.ready;
    const ms: number[] = [];
    let count = 0;
    for (let round = 0; round < rounds; round++) {
      const began = performance.now();
      const { length } = readTaskSnapshot(snapshotLink(programs)!);
      ms.push(performance.now() - began);
      count = Math.floor(length / 120);
    }
    return { ms, count };
  } finally {
    programs.close();
    await held.finish();
  }
}

export const footprint: Measurement = {
  name: 'footprint',
  how: 'the agent started as a user starts it (`--quiet` for the idle figures), its compile cache warm; resident memory and scheduler time of its threads. The large table: decoder, identity, model and server modules in one process that is fed 100,000 live processes as records. The snapshot: the task iterator over processes that sleep.',
  async run({ quick, say }) {
    await startTimes();
    const started: number[] = [];
    const firstEvent: number[] = [];
    for (let round = 0; round < (quick ? 2 : 7); round++) {
      const times = await startTimes();
      started.push(times.started);
      firstEvent.push(times.event);
    }
    say(`start ${started.at(-1)!.toFixed(0)} ms`);
    const idles = [];
    for (let round = 0; round < (quick ? 1 : 3); round++) idles.push(await idle(quick ? 5 : 30));
    say(`idle ${idles.at(-1)!.cpuPercent.toFixed(2)} %, ${idles.at(-1)!.rss.toFixed(0)} MB`);
    const tables: number[] = [];
    for (let round = 0; round < (quick ? 1 : 3); round++) tables.push(await largeTableRss());
    say(`100,000 live processes: ${tables.at(-1)!.toFixed(0)} MB`);
    const wanted = quick ? 1000 : 10_000;
    const { ms, count } = await snapshotMs(wanted, quick ? 5 : 21);
    say(`snapshot of ${count} processes: ${ms.at(-1)!.toFixed(1)} ms`);
    const figures: Figure[] = [
      {
        name: 'from the command to the running agent',
        unit: 'ms',
        samples: started,
        target: { atMost: 1000 },
      },
      {
        name: 'from the command to the first event',
        unit: 'ms',
        samples: firstEvent,
        target: { atMost: 1000 },
      },
      {
        name: 'idle, resident memory',
        unit: 'MB',
        samples: idles.map(({ rss }) => rss),
        target: { atMost: 100 },
      },
      {
        name: 'idle, share of a core',
        unit: '%',
        samples: idles.map(({ cpuPercent }) => cpuPercent),
        target: { atMost: 0.3 },
        note: `other processes of the machine made ${idles.map(({ events }) => events).join(', ')} events meanwhile`,
      },
      {
        name: '100,000 live processes, resident memory',
        unit: 'MB',
        samples: tables,
        target: { atMost: 300 },
      },
      { name: `snapshot of ${count} processes`, unit: 'ms', samples: ms, target: { atMost: 50 } },
    ];
    return figures;
  },
};
