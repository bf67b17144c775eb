// The dashboard in a real Chromium, before a real agent and real processes. Needs root, BPF and Chromium.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import type { ProcessJson } from '../../src/api/index.ts';
import { cannotUseBpf } from '../support/observe.ts';
import { startWorkload } from '../support/workload.ts';
import { cannotBrowse, openBrowser, visit } from './browser.ts';
import { PODS, play } from './scene.ts';
import { cannotMakePods, openStage, type Stage } from './stage.ts';

const skip = cannotBrowse() || cannotUseBpf() || cannotMakePods();
/** Much more than it takes, for machines with other work; `make bench` measures. */
const SOON = { timeout: 10_000 };

describe('the dashboard', { skip, timeout: 120_000 }, () => {
  let stage: Stage;
  let browser: Browser;
  before(async () => {
    stage = await openStage(Object.values(PODS));
    play(stage);
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await stage?.close();
  });
  const open = (path: string, options = {}) => visit(browser, `${stage.agent.api}/#/${path}`, options);

  test('Now tells rates, pods by activity and the ledger', async () => {
    const { page, leave } = await open('now');
    await page.getByRole('img', { name: /Events per second.*forks: last/ }).waitFor(SOON);
    const row = page.getByRole('row', { name: /log-shipper-9d2kf/ });
    await row.waitFor(SOON);
    assert.match((await row.textContent())!, /shop-logs · log-shipper/);
    await page.waitForFunction(NUMBER_ABOVE_0, '.tiles .tile:nth-child(3) .tile-figure', SOON);
    await page
      .getByRole('link', { name: /^Ledger: ?Complete seen [\d,]+ lost 0 attributed 100 %/ })
      .waitFor(SOON);
    await row.getByRole('link').click();
    await page.getByRole('row', { name: /shipper serve/ }).waitFor(SOON);
    assert.match(page.url(), /#\/processes\?pod=/);
    await leave();
  });

  test('Processes has the tree of namespace, workload, pod and container; a new process appears and goes', async () => {
    const { page, leave } = await open('processes?namespace=shop-payments');
    const levels = page.getByRole('treegrid').getByRole('row');
    await page
      .getByRole('row', { name: /postgres serve -D/ })
      .first()
      .waitFor(SOON);
    for (const [level, name] of [
      ['1', /namespace.*shop-payments/],
      ['2', /StatefulSet ledger/],
      ['3', /ledger-0/],
      ['4', /container.*postgres/],
      ['5', /postgres serve -D/],
    ] as const) {
      const row = levels.filter({ hasText: name }).first();
      assert.equal(await row.getAttribute('aria-level'), level, String(name));
    }
    const child = stage.runIn(PODS.ledger, 'vacuum', 'sleep 60; :', ['--table', 'orders']);
    const row = page.getByRole('row', { name: /vacuum serve --table orders/ });
    await row.waitFor(SOON);
    process.kill(-child.pid!, 'SIGKILL');
    await row.waitFor({ state: 'detached', ...SOON });
    await page.getByRole('checkbox', { name: 'Just ended' }).check();
    await row.filter({ hasText: 'SIGKILL' }).waitFor(SOON);
    await leave();
  });

  test('a process has a page with its life, its arguments and its ancestors', async () => {
    const child = stage.runIn(PODS.api1, 'janitor', 'while :; do ls /no/such/thing; sleep 0.2; done', [
      '--keep=5',
    ]);
    const { page, leave } = await open('processes?q=janitor');
    // The first: a child that has not execed yet looks the same.
    await page
      .getByRole('row', { name: /janitor serve --keep=5/ })
      .first()
      .click();
    const detail = page.getByRole('complementary', { name: `janitor ${child.pid}` });
    await detail.waitFor(SOON);
    assert.match(page.url(), /#\/processes\/[^?]+\?q=janitor/);
    await detail.getByRole('list', { name: 'Arguments' }).getByText('--keep=5').waitFor(SOON);
    const life = detail.getByRole('list', { name: 'What happened' });
    await life.getByText('forked').waitFor(SOON);
    await life
      .getByRole('link', { name: /ls \/no\/such\/thing: exit 2 after/ })
      .first()
      .waitFor(SOON);
    await detail.getByText('shop/api-7f9c6d-4xk2p/api').waitFor(SOON);
    assert.ok((await detail.locator('.ancestors li').count()) >= 2);
    process.kill(-child.pid!, 'SIGTERM');
    await life.locator('.chip.exit').waitFor(SOON);
    // Who comes later is told the same.
    await page.reload();
    await life
      .getByRole('link', { name: /ls \/no\/such\/thing: exit 2 after/ })
      .first()
      .waitFor(SOON);
    await life.locator('.chip.exit').waitFor(SOON);
    await page.keyboard.press('Escape');
    await detail.waitFor({ state: 'detached' });
    await leave();
  });

  test('a process has its capabilities on its page without another event', async () => {
    const drop = 'exec setpriv --inh-caps=-all --bounding-set=-all';
    const children = [
      { child: stage.runIn(PODS.api2, 'few', `${drop},+kill,+net_raw sleep 1000`), text: 'KILL, NET_RAW' },
      { child: stage.runIn(PODS.api2, 'none', `${drop} sleep 1000`), text: 'none' },
    ];
    for (const { child, text } of children) {
      const { process_id } = await lastImage(stage, child.pid!, 'sleep');
      const { page, leave } = await open(`processes/${process_id}`);
      const detail = page.getByRole('complementary', { name: `sleep ${child.pid}` });
      const fact = detail.locator('.facts div', { hasText: 'Capabilities' });
      await fact.getByText(text, { exact: true }).waitFor(SOON);
      await leave();
    }
  });

  test('Events are filtered by the address, by the agent', async () => {
    const { page, leave } = await open('events?type=exit&namespace=shop-reports&comm=ls');
    await page
      .getByRole('row', { name: /ls: exit 2 after/ })
      .first()
      .waitFor(SOON);
    for (const text of await page.getByRole('grid').locator('.grid-body .grid-row').allInnerTexts())
      assert.match(text, /exit[\s\S]*shop-reports\/nightly-report-x7vlc[\s\S]*ls: exit 2/);
    await page.getByRole('checkbox', { name: 'exit' }).isChecked();
    assert.equal(await page.getByRole('textbox', { name: 'Namespace' }).inputValue(), 'shop-reports');
    // What is chosen in the page is in the address.
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('date');
    await page
      .getByRole('row', { name: /date: exit 0/ })
      .first()
      .waitFor(SOON);
    assert.match(page.url(), /comm=date/);
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.waitForFunction(`location.hash === '#/events'`, undefined, SOON);
    await leave();
  });

  test('Events stand still while paused, count what is new, and go on', async () => {
    const { page, leave } = await open('events?namespace=shop-logs');
    await page
      .getByRole('row', { name: /grep: exit 0/ })
      .first()
      .waitFor(SOON);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('status').filter({ hasText: 'Paused' }).waitFor(SOON);
    const shown = await rowTexts(page);
    await page.getByText(/^\d+ new$/).waitFor(SOON);
    assert.deepEqual(await rowTexts(page), shown);
    // The space bar is the same button.
    await page.locator('main').focus();
    await page.keyboard.press('Space');
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor(SOON);
    await page.waitForFunction(OTHER_TEXT, shown[0], SOON);
    // Who opens an event wants to read it.
    await page
      .getByRole('row', { name: /grep -c/ })
      .first()
      .click();
    await page.getByRole('complementary').getByText('process_id', { exact: true }).waitFor(SOON);
    await page.getByRole('status').filter({ hasText: 'Paused' }).waitFor(SOON);
    await leave();
  });

  test('Node tells checks, hooks, privileges, sources, the ledger and the configuration', async () => {
    const { page, leave } = await open('node');
    for (const name of [
      'Summary',
      'Checks',
      'Self-test',
      'Ledger',
      'Hooks',
      'Privileges',
      'Sources of names',
      'Configuration in effect',
    ])
      await page.getByRole('region', { name, exact: true }).waitFor(SOON);
    const region = (name: string) => page.getByRole('region', { name, exact: true });
    await region('Checks').getByText('Does the agent answer?').waitFor(SOON);
    await region('Hooks').getByText('sched_process_fork').waitFor(SOON);
    await region('Sources of names').getByText('kube-api').first().waitFor(SOON);
    await region('Self-test').getByText('None has run').waitFor(SOON);
    await region('Self-test').getByRole('button', { name: 'Run' }).click();
    await region('Self-test')
      .getByText(/fork, exec and exit of a process of its own were told/)
      .waitFor(SOON);
    await region('Self-test').getByText('(the agent’s own)').waitFor(SOON);
    await region('Ledger').getByRole('row', { name: /^exec/ }).waitFor(SOON);
    await page.getByRole('searchbox', { name: 'Search the configuration' }).fill('node_name');
    await region('Configuration in effect').getByText('environment: COGNITOD_NODE_NAME').waitFor(SOON);
    await leave();
  });

  test('memory is bounded: after 10,000 events and more no more rows are kept, and few are drawn', async () => {
    const { page, leave } = await open('events');
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor(SOON);
    const run = startWorkload('execs', 5_000, 2);
    await run.finish();
    await page.waitForFunction(COUNTED_ABOVE, 10_000, { timeout: 20_000 });
    await page.getByText(/the last 5,000 kept/).waitFor(SOON);
    assert.ok((await page.locator('.grid-body .grid-row').count()) < 80);
    await leave();
  });
});

/** The process once it runs the program that it execs last. */
async function lastImage({ agent }: Stage, pid: number, comm: string): Promise<ProcessJson> {
  for (const end = performance.now() + SOON.timeout; ; await delay(20)) {
    const response = await fetch(`${agent.api}/api/v1/processes/${pid}`);
    const process = (await response.json()) as ProcessJson;
    if (process.comm === comm) return process;
    if (performance.now() > end) throw new Error(`${pid} does not run ${comm}`);
  }
}

/** In the page; a string, because these tests know no DOM. */
const NUMBER_ABOVE_0 = `(selector) => Number(document.querySelector(selector)?.textContent) > 0`;
const OTHER_TEXT = `(text) => document.querySelector('.grid-body .grid-row')?.innerText !== text`;
const COUNTED_ABOVE = `(count) => Number(document.querySelector('.stream-state .count').innerText.replace(/ events.*|,/g, '')) > count`;

const rowTexts = (page: Page) => page.locator('.grid-body .grid-row').allInnerTexts();
