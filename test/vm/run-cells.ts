// Boots a guest once and runs cells in it, one after the other.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildDeb } from '../../scripts/build-deb.ts';
import { boot, type BootResult } from './boot.ts';
import type { Cell } from './cells.ts';
import type { Finding } from './cells/report.ts';
import type { Guest } from './guests.ts';
import type { RootKind } from './root.ts';

/** A boot and what takes time before the first cell, emulated on a machine that does other work. */
const BOOT_SECONDS = 300;

/** Everything is ten times slower, and sources come without types. */
const ENVIRONMENT = {
  TEST_PATIENCE: '10',
  NODE_COMPILE_CACHE: '/tmp/compile-cache',
  NODE_OPTIONS: '--import /opt/cognitod/test/vm/guest/stripped.mjs',
};

export interface RunOptions {
  /** Of which Debian systemd is PID 1; none when left out. */
  readonly system?: RootKind | undefined;
  /** For the cells. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface CellsRun extends BootResult {
  /** Of the cells that came to their end. */
  readonly findings: ReadonlyMap<Cell, Finding & { readonly seconds: number }>;
}

export async function runCells(
  guest: Guest,
  cells: readonly Cell[],
  { system, environment = {} }: RunOptions = {},
): Promise<CellsRun> {
  const job = mkdtempSync(join(tmpdir(), 'cognitod-vm-'));
  const remove = () => rmSync(job, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    const isNewcomer = system === 'newcomer';
    if (system !== undefined && !isNewcomer) await buildDeb(job);
    const result = await boot({
      guest,
      job,
      ...(system === undefined ? {} : { systemd: !isNewcomer, root: system }),
      script: scriptOf(cells, isNewcomer ? { TEST_PATIENCE: '10' } : { ...ENVIRONMENT, ...environment }),
      timeoutSeconds: cells.reduce((sum, { minutes }) => sum + minutes * 60, BOOT_SECONDS),
    });
    const findings = cells.flatMap((cell) => {
      const report = join(job, `${cell.name}.json`);
      if (!existsSync(report)) return [];
      const seconds = Number(readFileSync(join(job, `${cell.name}.seconds`), 'utf8'));
      const finding = JSON.parse(readFileSync(report, 'utf8')) as Finding;
      return [[cell, { ...finding, seconds }] as const];
    });
    return { ...result, findings: new Map(findings) };
  } finally {
    process.off('exit', remove);
    remove();
  }
}

function scriptOf(cells: readonly Cell[], environment: Readonly<Record<string, string>>): string {
  const exports = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'`);
  const runs = cells.flatMap(({ name, script, minutes }) => [
    'start=$(date +%s)',
    `timeout -k 10 ${minutes * 60} ${script}`,
    `echo $(($(date +%s) - start)) >/job/${name}.seconds`,
  ]);
  return [...exports, ...runs, 'exit 0', ''].join('\n');
}
