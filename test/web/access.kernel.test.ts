// The dashboard and its agent: tokens, an agent that goes and comes back, and what a browser gets. Needs root, BPF and Chromium.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { type RunningAgent, startAgent } from '../support/agent.ts';
import { cannotUseBpf } from '../support/observe.ts';
import { cannotBrowse, openBrowser, visit } from './browser.ts';

const skip = cannotBrowse() || cannotUseBpf();
const SOON = { timeout: 15_000 };
const MAX_COMPRESSED_BYTES = 300_000;

describe('the dashboard and its agent', { skip, timeout: 120_000 }, () => {
  let browser: Browser;
  let folder: string;
  const agents: RunningAgent[] = [];
  const start = async (args: string[] = [], env = {}) => {
    const agent = await startAgent({ args, env });
    agents.push(agent);
    return agent;
  };
  let opened: Promise<RunningAgent> | undefined;
  /** One that needs no token and is not stopped. */
  const open = () => {
    opened ??= start();
    return opened;
  };
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cognitod-web-'));
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await Promise.all(agents.map((agent) => agent.stop()));
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  test('where a token is needed the page asks for it, keeps it for this tab, and forgets it', async () => {
    const file = join(folder, 'token');
    const secret = 'a-token-of-sufficient-length-0123456789';
    writeFileSync(file, secret);
    const agent = await start([], { COGNITOD_API_TOKEN_FILE: file });
    const { page, leave } = await visit(browser, `${agent.api}/#/events`, { expected: /401/ });
    const input = page.getByLabel('Read or admin token');
    await input.waitFor(SOON);
    // It has the focus: nothing else can be done here.
    await page.keyboard.type('wrong');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('alert').filter({ hasText: 'the token is not the right one' }).waitFor(SOON);
    await input.fill(secret);
    await page.keyboard.press('Enter');
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor(SOON);
    await page.reload();
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor(SOON);
    const stored = await page.evaluate<string>(
      'JSON.stringify([localStorage, document.cookie, location.href])',
    );
    assert.ok(!stored.includes(secret), 'the token is in this tab only');
    await page.getByRole('button', { name: 'Forget token' }).click();
    await input.waitFor(SOON);
    assert.equal(await page.evaluate('sessionStorage.length'), 0);
    await leave();
  });

  test('a self-test needs the admin token: the read token is told so, and goes on to show everything', async () => {
    const [reader, administrator] = ['the-token-that-only-reads', 'the-token-that-may-do-everything'];
    const agent = await start([], { COGNITOD_API_TOKEN: reader, COGNITOD_API_ADMIN_TOKEN: administrator });
    const { page, leave } = await visit(browser, `${agent.api}/#/node`, { expected: /401|403/ });
    const enter = async (token: string) => {
      await page.getByLabel('Read or admin token').fill(token);
      await page.keyboard.press('Enter');
    };
    const card = page.getByRole('region', { name: 'Self-test', exact: true });
    await enter(reader);
    await card.getByText('None has run').waitFor(SOON);
    await card.getByRole('button', { name: 'Run' }).click();
    await card.getByRole('alert').filter({ hasText: 'enter the admin token' }).waitFor(SOON);
    await page.getByText(`pid ${agent.pid},`).first().waitFor(SOON);
    await page.getByRole('button', { name: 'Forget token' }).click();
    await enter(administrator);
    await card.getByRole('button', { name: 'Run' }).click();
    await card.getByText(/were told, the exec after/).waitFor(SOON);
    assert.equal(await card.getByRole('alert').count(), 0);
    await leave();
  });

  test('an agent that is gone is told, tried again, and when it is back everything is of its new run', async () => {
    const first = await start();
    const port = new URL(first.api).port;
    const { page, leave } = await visit(browser, `${first.api}/#/events`, {
      expected: /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/,
    });
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor(SOON);
    await first.stop();
    await page.getByText('Connection lost').waitFor(SOON);
    await page.getByText(/Retrying/).waitFor(SOON);
    const ledger = page.getByRole('link', { name: /^Ledger/ });
    assert.match(
      (await ledger.textContent())!,
      /Last known/,
      'nobody knows whether it still sees everything',
    );
    const again = await start(['--api-listen', `127.0.0.1:${port}`]);
    assert.equal(again.api, first.api);
    await page
      .getByRole('button', { name: 'Retry now' })
      .click({ timeout: 2_000 })
      .catch(() => {
        // It was tried by itself in the meantime.
      });
    await page.getByText('Connection lost').waitFor({ state: 'detached', ...SOON });
    await ledger.filter({ hasText: 'Complete' }).waitFor(SOON);
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor(SOON);
    await page.getByRole('link', { name: 'Node' }).click();
    await page.getByText(`pid ${again.pid},`).waitFor(SOON);
    await leave();
  });

  test('a browser gets it compressed, for ever, from this agent alone, and less than 300 kB', async () => {
    const agent = await open();
    const { page, leave } = await visit(browser, `${agent.api}/healthz`, { expected: /404/ });
    let bytes = 0;
    page.on('requestfinished', async (finished) => {
      const { responseBodySize, responseHeadersSize } = await finished.sizes();
      if (!finished.url().includes('/api/')) bytes += responseBodySize + responseHeadersSize;
    });
    await page.goto(`${agent.api}/`);
    await page.getByRole('img', { name: /Events per second/ }).waitFor(SOON);
    assert.ok(bytes > 10_000 && bytes <= MAX_COMPRESSED_BYTES, `${bytes} bytes`);
    await leave();
    const script = /src="\.?(\/assets\/[^"]+\.js)"/.exec(await (await fetch(`${agent.api}/`)).text())![1]!;
    const head = await get(agent, script, { 'accept-encoding': 'br' });
    assert.equal(head.headers['content-encoding'], 'br');
    assert.equal(head.headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal(
      (await get(agent, script, { 'if-none-match': head.headers.etag! })).status,
      200,
      'another encoding',
    );
    const again = { 'accept-encoding': 'br', 'if-none-match': head.headers.etag! };
    assert.equal((await get(agent, script, again)).status, 304);
  });

  test('no path leads out of the files of the dashboard', async () => {
    const agent = await open();
    for (const path of [
      '/assets/../index.html',
      '/assets/..%2f..%2f..%2fetc/passwd',
      '/assets/%2e%2e/%2e%2e/package.json',
      '//etc/passwd',
      '/assets/',
      '/assets/licenses.txt.gz',
      '/assets/licenses.txt%00.js',
      '/index.html',
    ]) {
      const { status } = await get(agent, path);
      assert.ok([400, 404].includes(status), `${path}: ${status}`);
    }
    assert.equal((await get(agent, '/assets/licenses.txt')).status, 200);
  });
});

/** By hand: fetch would tidy the path. */
function get(agent: RunningAgent, path: string, headers: Record<string, string> = {}) {
  const { hostname, port } = new URL(agent.api);
  return new Promise<{ status: number; headers: Record<string, string | undefined> }>((resolve, reject) => {
    request({ hostname, port, path, headers, agent: false }, (response) => {
      response.resume();
      const { statusCode, headers: answered } = response;
      resolve({ status: statusCode!, headers: answered as Record<string, string | undefined> });
    })
      .on('error', reject)
      .end();
  });
}
