// Everybody can use the dashboard: by keyboard, on a telephone and on a wall, in both themes, with assistive technology.
// Needs root, BPF and Chromium.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { StatusJson } from '../../src/api/index.ts';
import { cannotUseBpf } from '../support/observe.ts';
import { cannotBrowse, openBrowser, visit } from './browser.ts';
import { PODS, play } from './scene.ts';
import { cannotMakePods, openStage, type Stage } from './stage.ts';

const skip = cannotBrowse() || cannotUseBpf() || cannotMakePods();
const SOON = { timeout: 10_000 };
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** WCAG 2.2 A and AA, and what axe calls best practice. */
const RUN_AXE = `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(
  ({ id, nodes }) => id + ': ' + nodes.map(({ html, failureSummary }) => html.slice(0, 200) + ' ' + failureSummary).join('; ')))`;

interface Look {
  readonly path: string;
  readonly ready: (page: Page) => Promise<unknown>;
}

const row = (page: Page, name: RegExp) => page.getByRole('row', { name }).first();
const LOOKS: readonly Look[] = [
  { path: 'now', ready: (page) => row(page, /log-shipper/).waitFor(SOON) },
  { path: 'processes?q=shop', ready: (page) => row(page, /namespace.*shop/).waitFor(SOON) },
  {
    path: 'processes?namespace=shop-reports',
    async ready(page) {
      await row(page, /report serve/).click(SOON);
      await page.getByRole('heading', { name: 'Life' }).waitFor(SOON);
    },
  },
  { path: 'events?namespace=shop-reports', ready: (page) => row(page, /ls: exit 2/).waitFor(SOON) },
  {
    path: 'events?namespace=shop-reports&type=exit',
    async ready(page) {
      await row(page, /ls: exit 2/).click(SOON);
      await page.getByRole('complementary').waitFor(SOON);
    },
  },
  { path: 'events?namespace=none', ready: (page) => page.getByText('No events yet').waitFor(SOON) },
  {
    path: 'node',
    async ready(page) {
      await page.getByText('Does the agent answer?').waitFor(SOON);
      await page.getByText('SHA-256').waitFor(SOON);
    },
  },
];

describe('everybody', { skip, timeout: 120_000 }, () => {
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

  test('axe finds no violation on any page in both themes, and nothing is wider than a telephone or lost on a wall', async () => {
    for (const [colorScheme, width, height] of [
      ['light', 1280, 800],
      ['dark', 1280, 800],
      ['light', 360, 640],
      ['dark', 2560, 1440],
    ] as const) {
      const options = { colorScheme, viewport: { width, height }, reducedMotion: 'reduce' };
      const { page, leave } = await open('now', options);
      await page.evaluate(AXE);
      for (const { path, ready } of LOOKS) {
        await page.goto(`${stage.agent.api}/#/${path}`);
        await ready(page);
        const where = `${path}, ${colorScheme}, ${width} px`;
        assert.deepEqual(await page.evaluate(WIDER_THAN_WINDOW), [], where);
        assert.deepEqual(await page.evaluate(RUN_AXE), [], where);
      }
      await leave();
    }
  });

  test('counts of any size fit into a telephone, and what is missing is red wherever it stands', async () => {
    const { page, leave } = await open('node', { viewport: { width: 360, height: 640 } });
    await page.route('**/api/v1/status', async (route) => {
      const response = await route.fetch();
      const status = (await response.json()) as StatusJson;
      const { fork, move } = status.ledger;
      const exec = { kernel: 1_234_567_890, decoded: 1_234_560_000, lost: 7000, skipped: 890, pending: 0 };
      const ledger = { ...status.ledger, fork: { ...fork, lost: 0 }, exec, move: { ...move, lost: 1 } };
      await route.fulfill({ response, json: { ...status, ledger } });
    });
    await page
      .getByRole('link', { name: /^Ledger: ?Events were lost and skipped seen .* lost 7,001 skipped 890 / })
      .waitFor(SOON);
    assert.deepEqual(await page.locator('table.ledger td.bad').allInnerTexts(), ['7,000', '890', '1']);
    assert.deepEqual(await page.evaluate(WIDER_THAN_WINDOW), []);
    await page.evaluate(AXE);
    assert.deepEqual(await page.evaluate(RUN_AXE), []);
    await page.unrouteAll({ behavior: 'wait' });
    await leave();
  });

  test('axe finds no violation in the list of keys', async () => {
    const { page, leave } = await open('now');
    await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor(SOON);
    await page.evaluate(AXE);
    assert.deepEqual(await page.evaluate(RUN_AXE), []);
    await leave();
  });

  test('the keyboard alone reaches everything', async () => {
    const { page, leave } = await open('now');
    await row(page, /log-shipper/).waitFor(SOON);
    const focused = () =>
      page.evaluate<string>(`document.activeElement.innerText || document.activeElement.ariaLabel || ''`);
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'Skip to the content');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate('document.activeElement.id'), 'content');
    await page.keyboard.press('2');
    await page.getByRole('treegrid').waitFor(SOON);
    await page.keyboard.press('/');
    await page.keyboard.type('postgres serve');
    await row(page, /postgres serve/).waitFor(SOON);
    const grid = page.getByRole('treegrid');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(`document.activeElement.getAttribute('role')`), 'treegrid');
    const active = async () => {
      const id = await grid.getAttribute('aria-activedescendant');
      return page.locator(`[id="${id}"]`);
    };
    // The focus is to be seen.
    assert.notEqual(await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`), 'none');
    assert.equal(await (await active()).getAttribute('aria-level'), '1');
    for (let level = 2; level <= 5; level++) await page.keyboard.press('ArrowDown');
    assert.equal(await (await active()).getAttribute('aria-level'), '5');
    assert.equal(await (await active()).getAttribute('aria-expanded'), 'true');
    await page.keyboard.press('ArrowLeft');
    assert.equal(await (await active()).getAttribute('aria-expanded'), 'false');
    await page.keyboard.press('ArrowRight');
    assert.equal(await (await active()).getAttribute('aria-expanded'), 'true');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Life' }).waitFor(SOON);
    await page.keyboard.press('Escape');
    assert.equal(await page.evaluate(`document.activeElement.getAttribute('role')`), 'treegrid');
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor(SOON);
    await page.getByRole('checkbox', { name: 'Single keys are shortcuts' }).uncheck();
    await page.keyboard.press('Escape');
    await page.keyboard.press('1');
    assert.match(page.url(), /#\/processes/, 'single keys can be turned off');
    await leave();
  });

  test('the theme follows the system until it is chosen, and stays chosen', async () => {
    const { page, leave } = await open('now', { colorScheme: 'dark' });
    const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const dark = await background();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await background();
    assert.notEqual(light, dark);
    const button = page.getByRole('button', { name: /^Theme/ });
    await button.click();
    await button.click();
    assert.equal(await button.getAttribute('aria-label'), 'Theme: dark');
    assert.equal(await background(), dark);
    await page.reload();
    await page.getByRole('button', { name: 'Theme: dark' }).waitFor(SOON);
    assert.equal(await background(), dark);
    await leave();
  });

  test('nothing moves for who does not want it', async () => {
    const { page, leave } = await open('now', { reducedMotion: 'reduce' });
    await row(page, /log-shipper/).waitFor(SOON);
    assert.equal(await page.evaluate('document.getAnimations().length'), 0);
    await leave();
  });
});

/** What sticks out of the window and is not in something that scrolls or cuts it off. */
const WIDER_THAN_WINDOW = `(() => {
  const cut = (element) => element !== null && (getComputedStyle(element).overflowX !== 'visible' || cut(element.parentElement));
  const found = [...document.querySelectorAll('body *')].filter((element) => {
    const { right, width } = element.getBoundingClientRect();
    return width > 0 && right > innerWidth + 1 && !cut(element.parentElement);
  });
  const page = document.querySelector('main');
  const scrolls = [document.documentElement, page].filter((one) => one.scrollWidth > one.clientWidth);
  return [...found, ...scrolls].map((element) => element.outerHTML.slice(0, 120));
})()`;
