// Whatever a process or a pod is called, the dashboard shows it as text. Needs root, BPF and Chromium.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { cannotUseBpf } from '../support/observe.ts';
import { cannotBrowse, openBrowser, visit } from './browser.ts';
import { cannotMakePods, openStage, type Stage, type StagePod } from './stage.ts';

const skip = cannotBrowse() || cannotUseBpf() || cannotMakePods();
const SOON = { timeout: 10_000 };

/** What would become an element, run a script, or turn or hide the text around it. */
const HOSTILE = [
  '<img src=x onerror="window.broken=1">',
  '<script>window.broken=1</script>',
  'javascript:window.broken=1',
  '"><svg onload=window.broken=1>',
  '{{constructor.constructor("window.broken=1")()}}',
  'right\u202eto left\u2066',
  'zero\u200bwidth\ufeff',
  'bell\x07 escape\x1b[31m return\r line\n',
  '👩‍🚀 für 東京',
];
const SHOWN = [
  'right\\u{202e}to left\\u{2066}',
  'zero\\u{200b}width\\u{feff}',
  'bell\\x07 escape\\x1b[31m return\\r line\\n',
  // Joined by an invisible character, which hides elsewhere.
  '👩\\u{200d}🚀 für 東京',
];
const POD: StagePod = {
  namespace: 'shop',
  name: '<b>pod</b>',
  container: '<i onclick=alert(1)>',
  labels: { x: '<u>' },
};

describe('hostile names', { skip, timeout: 90_000 }, () => {
  let stage: Stage;
  let browser: Browser;
  let long: ChildProcess;
  before(async () => {
    stage = await openStage([POD]);
    stage.runIn(POD, 'evil<img>', 'sleep 100; :', HOSTILE);
    long = spawn('/bin/sleep', ['100', `0.${'1'.repeat(10_000)}`], { stdio: 'ignore' });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    long?.kill('SIGKILL');
    await stage?.close();
  });

  async function assertHarmless(page: Page): Promise<void> {
    assert.equal(await page.evaluate('window.broken'), undefined);
    assert.equal(await page.locator('img, iframe, object, embed, #app script, main svg').count(), 0);
    assert.equal(await page.locator('a[href^="javascript"], [onerror], [onload], [onclick]').count(), 0);
    const text = await page.evaluate<string>('document.body.innerText');
    assert.doesNotMatch(
      text,
      /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069\ufeff]/,
    );
  }

  test('arguments are shown as they are, controls as escapes', async () => {
    const { page, leave } = await visit(browser, `${stage.agent.api}/#/processes?namespace=shop`);
    const row = page.getByRole('row', { name: /^'evil<img>' serve/ });
    await row.first().waitFor(SOON);
    await page
      .getByRole('row', { name: /<b>pod<\/b>/ })
      .first()
      .waitFor(SOON);
    await assertHarmless(page);
    await row.first().click();
    const list = page.getByRole('list', { name: 'Arguments' });
    for (const text of [...HOSTILE.slice(0, 5), ...SHOWN])
      await list.getByText(text, { exact: true }).waitFor(SOON);
    await assertHarmless(page);
    await leave();
  });

  test('an event of theirs is harmless too, and so is where it was', async () => {
    const { page, leave } = await visit(browser, `${stage.agent.api}/#/events?namespace=shop`);
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor(SOON);
    stage.runIn(POD, 'evil<img>', ':', HOSTILE);
    const row = page.getByRole('row', {
      name: /exec.*shop\/<b>pod<\/b>\/<i onclick=alert\(1\)>.*'evil<img>' serve/,
    });
    await row.first().waitFor(SOON);
    await row.first().click();
    await page.getByRole('complementary').getByText(HOSTILE[0]!, { exact: true }).waitFor(SOON);
    await assertHarmless(page);
    await leave();
  });

  test('an argument of 10 kB is cut in its row; on demand there is what the agent keeps, and that it keeps not all', async () => {
    const { page, leave } = await visit(browser, `${stage.agent.api}/#/processes?pid=${long.pid}`);
    const row = page.getByRole('row', { name: /sleep 100 0\.1111/ });
    await row.click(SOON);
    assert.ok((await row.textContent())!.length < 600);
    const more = page.getByRole('button', { name: /^Show all [\d,]+ characters/ });
    await more.click(SOON);
    const text = await page.getByRole('list', { name: 'Arguments' }).textContent();
    assert.ok(text!.length > 3_000, `${text!.length} characters`);
    await page.getByText('Cut by the agent after kernel.argv_bytes').waitFor(SOON);
    assert.equal(await page.evaluate('document.documentElement.scrollWidth > innerWidth'), false);
    await leave();
  });

  test('names in the activity and filters in the address are text', async () => {
    const { page, leave } = await visit(browser, `${stage.agent.api}/#/now`);
    await page.getByRole('rowheader', { name: /<b>pod<\/b>/ }).waitFor(SOON);
    await assertHarmless(page);
    await leave();
    const filter = encodeURIComponent('<img src=x onerror="window.broken=1">');
    for (const path of [
      `events?pod=${filter}`,
      `processes?pod=${filter}&q=${filter}`,
      `processes/${filter}`,
    ]) {
      // There is no such process.
      const other = await visit(browser, `${stage.agent.api}/#/${path}`, { expected: /404|400/ });
      await other.page.getByRole('main').waitFor(SOON);
      await assertHarmless(other.page);
      await other.leave();
    }
  });
});
