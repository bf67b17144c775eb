// The dashboard in a real Chromium: frames per second while 2,000 events come each second, and how fast a new process appears.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Browser, Page } from 'playwright-core';
import { type RunningAgent, startAgent } from '../test/support/agent.ts';
import { runWorkload } from '../test/support/workload.ts';
import { cannotBrowse, openBrowser, visit } from '../test/web/browser.ts';
import { sleep } from './host.ts';
import type { Figure, Measurement } from './measurement.ts';

const EVENTS_PER_SECOND = 2_000;
const BURST_MS = 100;
const LEAST_FPS = 30;
const MOST_DELAY_MS = 1_000;

export const dashboard: Measurement = {
  name: 'dashboard',
  how: `the real agent and headless Chromium without a GPU, with the load, on the same ${availableParallelism()} cores. Frames: callbacks of requestAnimationFrame while bursts of forks, execs and exits come ten times a second, ${EVENTS_PER_SECOND} events a second together (counted by the agent's ledger). Delay: from the start of a process to its row on the page of processes, seen by a MutationObserver; the agent gathers changes for a quarter of a second, and the page draws five times a second.`,
  async run({ quick, say }) {
    const missing = cannotBrowse();
    if (missing !== false) throw new Error(missing);
    const agent = await startAgent();
    const browser = await openBrowser();
    try {
      const figures: Figure[] = [];
      const rounds = quick ? 1 : 3;
      const seconds = quick ? 2 : 5;
      for (const path of ['events', 'processes', 'now'])
        figures.push(...(await frames(agent, browser, path, rounds, seconds, say)));
      figures.push(await delay(agent, browser, quick ? 3 : 40));
      return figures;
    } finally {
      await browser.close();
      await agent.stop();
    }
  },
};

async function frames(
  agent: RunningAgent,
  browser: Browser,
  path: string,
  rounds: number,
  seconds: number,
  say: (text: string) => void,
): Promise<Figure[]> {
  const perSecond: number[] = [];
  const longest: number[] = [];
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { page, leave } = await visit(browser, `${agent.api}/#/${path}`);
    const stop = burstsOf(EVENTS_PER_SECOND * (BURST_MS / 1000));
    try {
      await sleep(1_000);
      const before = await decoded(agent);
      const began = performance.now();
      const counted = await page.evaluate<{ frames: number; ms: number; longest: number }>(
        COUNT_FRAMES(seconds),
      );
      rates.push(((await decoded(agent)) - before) / ((performance.now() - began) / 1000));
      perSecond.push(counted.frames / (counted.ms / 1000));
      longest.push(counted.longest);
    } finally {
      await stop();
    }
    await leave();
  }
  say(`${path}: ${perSecond.map((fps) => fps.toFixed(0)).join(', ')} frames/s`);
  return [
    { name: `${path}: frames per second`, unit: '1/s', samples: perSecond, target: { atLeast: LEAST_FPS } },
    { name: `${path}: longest time between two frames`, unit: 'ms', samples: longest },
    { name: `${path}: events per second meanwhile`, unit: '1/s', samples: rates },
  ];
}

/** Such a burst again and again; returns what ends it. */
function burstsOf(events: number): () => Promise<void> {
  let stopped = false;
  async function run(): Promise<void> {
    for (let next = performance.now(); !stopped; next += BURST_MS) {
      // The workload itself is three events.
      await runWorkload('execs', Math.round((events - 3) / 3));
      await sleep(Math.max(0, next + BURST_MS - performance.now()));
    }
  }
  const running = run();
  return async () => {
    stopped = true;
    await running;
  };
}

async function decoded(agent: RunningAgent): Promise<number> {
  const { fork, exec, exit } = (await agent.status()).ledger;
  return fork.decoded + exec.decoded + exit.decoded;
}

async function delay(agent: RunningAgent, browser: Browser, rounds: number): Promise<Figure> {
  const { page, leave } = await visit(browser, `${agent.api}/#/processes?q=sleep`);
  await page.getByRole('treegrid').waitFor();
  await sleep(1_500);
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) samples.push(await appearance(page, round));
  await leave();
  return { name: 'a new process is on the page', unit: 'ms', samples, target: { atMost: MOST_DELAY_MS } };
}

/** Both clocks are this machine's. */
async function appearance(page: Page, round: number): Promise<number> {
  const mark = `60.${String(process.pid)}${round}`;
  const seen = page.evaluate<number>(AWAIT_TEXT(mark));
  const began = Date.now();
  const child = spawn('/bin/sleep', [mark], { stdio: 'ignore' });
  try {
    return (await seen) - began;
  } finally {
    child.kill('SIGKILL');
  }
}

/** In the page. */
const COUNT_FRAMES = (seconds: number) => `new Promise((resolve) => {
  const began = performance.now();
  let frames = 0, last = began, longest = 0;
  const count = (now) => {
    frames++;
    longest = Math.max(longest, now - last);
    last = now;
    if (now - began < ${seconds * 1000}) requestAnimationFrame(count);
    else resolve({ frames, ms: now - began, longest });
  };
  requestAnimationFrame(count);
})`;
const AWAIT_TEXT = (text: string) => `new Promise((resolve) => {
  const observer = new MutationObserver(() => {
    if (!document.querySelector('.grid-body').textContent.includes('${text}')) return;
    observer.disconnect();
    resolve(Date.now());
  });
  observer.observe(document.querySelector('.grid-body'), { subtree: true, childList: true, characterData: true });
})`;
