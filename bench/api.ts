// Questions to the API with a large table behind it: how long a page of processes takes.
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { cpuSeconds } from './host.ts';
import { type Figure, type Measurement, quantile } from './measurement.ts';
import { start } from './programs.ts';

const SERVER = new URL('served-table.ts', import.meta.url).pathname;
const PROCESSES = 10_000;
const PAGE = 500;

interface Page {
  readonly bytes: number;
  readonly ms: number;
  readonly answer: { total: number; processes: unknown[]; next_cursor: string | null };
}

const QUESTIONS = [
  {
    name: `a page of ${PAGE} of ${PROCESSES} processes`,
    query: '',
    total: PROCESSES,
    target: { atMost: 100 },
  },
  { name: 'the same, of one workload in 25 pods', query: 'workload=checkout&namespace=shop-7', total: null },
  { name: 'the same, of an executable that nobody runs', query: 'executable=nobody', total: 0 },
] as const;

export const api: Measurement = {
  name: 'api',
  how: `the API server in a process of its own with ${PROCESSES} live processes of 500 pods whose names are known, and a client in another on the same cores, over one connection that is kept. All pages of ${PAGE} one after the other, from the question to the last byte of the answer.`,
  async run({ quick, say }) {
    const program = start(process.execPath, [SERVER], ['pipe', 'pipe', 2]);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const [line] = (await once(createInterface({ input: program.child.stdout! }), 'line')) as [string];
      const { url, processes } = JSON.parse(line) as { url: string; processes: number };
      if (processes !== PROCESSES) throw new Error(`the table has ${processes} processes`);
      const figures: Figure[] = [];
      for (const { name, query, total, ...target } of QUESTIONS) {
        for (let round = 0; round < 3; round++) await readAll(agent, url, query);
        const before = cpuSeconds(program.pid);
        const pages: Page[] = [];
        for (let round = 0; round < (quick ? 2 : 30); round++)
          pages.push(...(await readAll(agent, url, query)));
        const cpuMs = ((cpuSeconds(program.pid) - before) * 1000) / pages.length;
        const wrong = pages.find(({ answer }) => total !== null && answer.total !== total);
        if (wrong !== undefined) throw new Error(`${name}: ${wrong.answer.total} processes in all`);
        const ms = pages.map((page) => page.ms);
        const p99 = quantile(ms, 0.99);
        say(`${name}: p99 ${p99.toFixed(1)} ms, ${(pages[0]!.bytes / 1e3).toFixed(0)} kB`);
        figures.push(
          { name, unit: 'ms', samples: ms },
          { name: `${name}, 99th percentile`, unit: 'ms', samples: [p99], ...target },
          { name: `${name}, CPU of the server`, unit: 'ms', samples: [cpuMs] },
        );
      }
      return figures;
    } finally {
      agent.destroy();
      await program.stop('SIGKILL');
    }
  },
};

/** Follows the cursors to the end. */
async function readAll(agent: Agent, url: string, query: string): Promise<Page[]> {
  const pages: Page[] = [];
  for (let cursor: string | null = ''; cursor !== null; cursor = pages.at(-1)!.answer.next_cursor) {
    const next = cursor === '' ? '' : `&cursor=${cursor}`;
    pages.push(await readPage(agent, `${url}/api/v1/processes?limit=${PAGE}&${query}${next}`));
  }
  return pages;
}

async function readPage(agent: Agent, url: string): Promise<Page> {
  const began = performance.now();
  const [response] = (await once(get(url, { agent }), 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const ms = performance.now() - began;
  const body = Buffer.concat(chunks);
  if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode} ${body}`);
  return { bytes: body.length, ms, answer: JSON.parse(body.toString()) };
}
