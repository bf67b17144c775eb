// A real Chromium on the dashboard. What it complains about is a failure: errors, and what the content security policy refuses.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
/** Nothing is asked of the network that the page does not ask. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Why there can be no test in a browser; false when there can. */
export const cannotBrowse = (): string | false =>
  existsSync(CHROMIUM) ? false : `${CHROMIUM} is not installed: make setup`;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** Runs in the page. */
const TELL_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) =>
  console.error('policy: ' + [event.violatedDirective, event.blockedURI, event.sample].join(' ')))`;

export interface Visit {
  readonly page: Page;
  /** What was wrong so far. */
  readonly complaints: string[];
  /** Closes the page; fails when anything was wrong. */
  leave(): Promise<void>;
}

export interface VisitOptions extends BrowserContextOptions {
  /** Complaints that the test provokes. */
  readonly expected?: RegExp;
}

export async function visit(
  browser: Browser,
  url: string,
  { expected, ...context }: VisitOptions = {},
): Promise<Visit> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...context });
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  const note = (text: string) => {
    if (expected === undefined || !expected.test(text)) complaints.push(text);
  };
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) note(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => note(`uncaught: ${error.stack}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL(url).origin)) note(`asked of another place: ${request.url()}`);
  });
  await page.addInitScript({ content: TELL_VIOLATIONS });
  await page.goto(url);
  return {
    page,
    complaints,
    async leave() {
      await page.close();
      assert.deepEqual(complaints, []);
    },
  };
}
