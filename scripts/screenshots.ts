// Pictures of the dashboard for docs/dashboard.md: `make screenshots`. The agent and the processes in them are real.
import { mkdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { cannotBrowse, openBrowser, visit } from '../test/web/browser.ts';
import { PODS, play } from '../test/web/scene.ts';
import { openStage } from '../test/web/stage.ts';

const ROOT = join(import.meta.dirname, '..');
const MAX_BYTES = 150_000;
const DESKTOP = { width: 1120, height: 660 };
const PHONE = { width: 360, height: 740 };
/** So that the curves of the last minutes are some. */
const DEFAULT_WARM_UP_SECONDS = 60;

type Kind = 'light' | 'dark' | 'phone';
const LOOKS = {
  light: { viewport: DESKTOP, colorScheme: 'light' },
  dark: { viewport: DESKTOP, colorScheme: 'dark' },
  phone: { viewport: PHONE, colorScheme: 'light' },
} as const;

interface Picture {
  readonly name: string;
  readonly page: string;
  /** What of it is kept in docs/; `--all` takes every one, to be looked at. */
  readonly kept: readonly Kind[];
  readonly prepare?: (page: Page) => Promise<void>;
}

const PICTURES: readonly Picture[] = [
  { name: 'now', page: 'now', kept: ['light', 'dark'] },
  // What else runs on the machine is nobody's business.
  { name: 'processes', page: 'processes?q=shop', kept: ['light', 'phone'] },
  {
    name: 'process',
    page: 'processes?q=nightly',
    kept: ['dark'],
    async prepare(page) {
      await page.getByRole('row', { name: '--format parquet' }).click();
      await page.getByRole('heading', { name: 'Life' }).waitFor();
      await page.waitForTimeout(4_000);
    },
  },
  { name: 'events', page: 'events?namespace=shop-reports', kept: ['light'] },
  { name: 'node', page: 'node', kept: ['light'] },
];

const { values } = parseArgs({
  options: {
    output: { type: 'string', default: join(ROOT, 'docs/dashboard') },
    only: { type: 'string' },
    all: { type: 'boolean', default: false },
    seconds: { type: 'string', default: String(DEFAULT_WARM_UP_SECONDS) },
  },
});
const tooLarge: string[] = [];

async function take(
  browser: Browser,
  url: string,
  output: string,
  { name, page: path, kept, prepare }: Picture,
): Promise<void> {
  const kinds = values.all ? (Object.keys(LOOKS) as Kind[]) : kept;
  for (const kind of kinds) {
    const { page, leave } = await visit(browser, `${url}/#/${path}`, LOOKS[kind]);
    await page.waitForTimeout(3_000);
    await prepare?.(page);
    const file = join(output, `${name}-${kind}.png`);
    await page.screenshot({ path: file });
    await leave();
    const { size } = statSync(file);
    console.log(`${relative(ROOT, file)} ${Math.round(size / 1000)} kB`);
    if (size > MAX_BYTES) tooLarge.push(file);
  }
}

const reason = cannotBrowse();
if (reason !== false) throw new Error(reason);
mkdirSync(values.output, { recursive: true });
const stage = await openStage(Object.values(PODS));
try {
  play(stage);
  const browser = await openBrowser();
  try {
    await new Promise((resolve) => setTimeout(resolve, Number(values.seconds) * 1000));
    for (const picture of PICTURES.filter(({ name }) => values.only?.split(',').includes(name) ?? true))
      await take(browser, stage.agent.api, values.output, picture);
  } finally {
    await browser.close();
  }
} finally {
  await stage.close();
}
if (tooLarge.length > 0) throw new Error(`more than ${MAX_BYTES} bytes: ${tooLarge.join(', ')}`);
