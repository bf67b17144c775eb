// The admission webhook over TLS: whether it keeps up with a burst of pods, and how long a review takes.
import { Agent, request } from 'node:https';
import { performance } from 'node:perf_hooks';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { issueCertificate } from '../src/admission/certificates/issue.ts';
import { aPod, aReview, SHAPES } from '../src/admission/pods.fixture.ts';
import { COGNITOD } from '../test/support/agent.ts';
import { cpuSeconds, onCleanup, rssMegabytes, scratchDirectory, sleep } from './host.ts';
import { type Measurement, quantile } from './measurement.ts';

const RATE = 500;
const HOST = 'cognitod-admission.bench.svc';

export const admission: Measurement = {
  name: 'admission',
  how: `\`cognitod admission\` as a process, its client on the same cores. ${RATE} reviews a second, sent at their times whether earlier ones are answered or not (so a queue shows as delay), over TLS connections that are kept. Time from when a review is due until its answer is read. "Huge": 50 containers with 200 variables each, 1.3 MB.`,
  async run({ quick, say }) {
    const server = await start();
    try {
      const seconds = quick ? 2 : 10;
      const ordinary = Buffer.from(JSON.stringify(aReview(aPod())));
      const huge = Buffer.from(JSON.stringify(aReview(SHAPES.huge)));
      await drive(server, ordinary, RATE, 1);
      const [p50, p99, perSecond, cpu]: number[][] = [[], [], [], []];
      for (let round = 0; round < (quick ? 1 : 5); round++) {
        const cpuBefore = cpuSeconds(server.pid);
        const began = performance.now();
        const delays = await drive(server, ordinary, RATE, seconds);
        const took = (performance.now() - began) / 1000;
        perSecond!.push(delays.length / took);
        p50!.push(quantile(delays, 0.5));
        p99!.push(quantile(delays, 0.99));
        cpu!.push(((cpuSeconds(server.pid) - cpuBefore) / delays.length) * 1e6);
        say(`${delays.length} reviews in ${took.toFixed(2)} s, p99 ${p99!.at(-1)!.toFixed(2)} ms`);
      }
      const hugeDelays = await drive(server, huge, 10, quick ? 1 : 5);
      return [
        {
          name: 'reviews answered per second',
          unit: '1/s',
          samples: perSecond!,
          target: { atLeast: RATE * 0.99 },
        },
        { name: 'time of a review', unit: 'ms', samples: p50! },
        { name: 'time of a review, 99th percentile', unit: 'ms', samples: p99!, target: { atMost: 20 } },
        { name: 'CPU of the webhook per review', unit: 'µs', samples: cpu! },
        { name: 'time of a review of a huge pod, 10 per second', unit: 'ms', samples: hugeDelays },
        {
          name: 'resident memory of the webhook afterwards',
          unit: 'MB',
          samples: [rssMegabytes(server.pid).total],
        },
      ];
    } finally {
      await server.stop();
    }
  },
};

interface Running {
  readonly pid: number;
  readonly port: number;
  readonly agent: Agent;
  stop(): Promise<void>;
}

/** Without the Kubernetes API: namespaces are known or not, the work of a review is the same. */
async function start(): Promise<Running> {
  const folder = scratchDirectory();
  const { ca, cert, key } = await issueCertificate([HOST], Date.now(), 86_400_000);
  writeFileSync(join(folder, 'tls.crt'), cert);
  writeFileSync(join(folder, 'tls.key'), key);
  const args = ['admission', '--json', '--native=on', `--tls-dir=${folder}`];
  const child = spawn(COGNITOD, [...args, '--listen=127.0.0.1:0', '--ops-listen=127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, COGNITOD_KUBERNETES_API: 'off' },
  });
  onCleanup(() => void child.kill('SIGKILL'));
  const address = await startedAddress(child);
  const agent = new Agent({ ca, servername: HOST, keepAlive: true, maxSockets: 32 });
  return {
    pid: child.pid!,
    port: Number(new URL(address).port),
    agent,
    async stop() {
      agent.destroy();
      const ended = new Promise((resolve) => child.on('close', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function startedAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => resolve(JSON.parse(line).webhook_address));
    child.on('close', (code) => reject(new Error(`the webhook ended with ${code}`)));
  });
}

/** Milliseconds from the due time of each review to its answer. */
async function drive(
  { port, agent }: Running,
  body: Buffer,
  rate: number,
  seconds: number,
): Promise<number[]> {
  const delays: number[] = [];
  const under: Promise<void>[] = [];
  const began = performance.now();
  for (let sent = 0; sent < rate * seconds; ) {
    const due = Math.min(rate * seconds, Math.floor(((performance.now() - began) / 1000) * rate));
    for (; sent < due; sent++) {
      const dueMs = began + (sent / rate) * 1000;
      under.push(ask(port, agent, body).then(() => void delays.push(performance.now() - dueMs)));
    }
    await sleep(1);
  }
  await Promise.all(under);
  return delays;
}

function ask(port: number, agent: Agent, body: Buffer): Promise<void> {
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port, agent, method: 'POST', path: '/mutate', headers },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => {
          if (response.statusCode === 200 && text.includes('JSONPatch')) resolve();
          else reject(new Error(`status ${response.statusCode}: ${text.slice(0, 200)}`));
        });
      },
    );
    outgoing.on('error', reject).end(body);
  });
}
