// `make vm`: every guest, every cell; what has been found for this state of the sources is not tried again.
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from './cache.ts';
import { CELLS, type Cell } from './cells.ts';
import { runCells } from './run-cells.ts';
import { GUESTS, type Guest } from './guests.ts';
import type { RootKind } from './root.ts';
import { type Found, recordFound } from './found.ts';
import { growth, recordVerified } from './verified.ts';
import { tableOf, writePage } from './page.ts';

/** Boots of one guest before what is missing counts as failed: QEMU or Node may crash. */
const BOOTS = 3;
const RESULTS = join(ROOT, 'build/vm');
/** What is tried; a change of it makes all cells be tried again. */
const SOURCES = [
  ...['bpf/**', 'src/**', 'package-lock.json', 'scripts/build-deb.ts', 'deploy/systemd/**', 'deploy/deb/**'],
  ...['test/support/**', 'test/workload/**', 'test/vm/cells/**', 'test/vm/guest/**'],
];

const { values: options } = parseArgs({
  options: {
    kernel: { type: 'string', default: '' },
    cell: { type: 'string', default: '' },
    fresh: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
    page: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`usage: make vm [KERNEL=6.1,7.3] [CELL=load,speed] [FRESH=1]
Boots Debian's kernels in QEMU and tries the agent on them. What was found for the same sources is kept in build/vm and
not tried again; FRESH=1 does. ARGS=--page boots nothing and puts what is known into docs/kernels.md.
guests: ${GUESTS.map(({ name }) => name).join(', ')}
cells: ${CELLS.map(({ name }) => name).join(', ')}`);
  process.exit(0);
}

function chosen<T extends { name: string }>(all: readonly T[], names: string, what: string): readonly T[] {
  if (names === '') return all;
  const wanted = names.split(',');
  const unknown = wanted.find((name) => all.every((one) => one.name !== name));
  if (unknown !== undefined) {
    console.error(`vm: there is no ${what} ${unknown}; there are ${all.map(({ name }) => name).join(', ')}`);
    process.exit(2);
  }
  return all.filter(({ name }) => wanted.includes(name));
}

function sourcesHash(): string {
  const hash = createHash('sha256');
  for (const file of globSync(SOURCES, { cwd: ROOT, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort())
    hash.update(file).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

const state = sourcesHash();
const fileOf = (guest: Guest, cell: Cell) => join(RESULTS, guest.name, `${cell.name}.json`);

function known(guest: Guest, cell: Cell): Found | null {
  const file = fileOf(guest, cell);
  if (options.fresh || !existsSync(file)) return null;
  const found = JSON.parse(readFileSync(file, 'utf8')) as Found;
  // What failed may have failed for what is not among the sources: it is tried again.
  return found.state === state && found.ok ? found : null;
}

/** Boots the guest for the cells that are missing, and again for those that a crash left out. */
async function examine(guest: Guest, cells: readonly Cell[]): Promise<Found[]> {
  const found = new Map<Cell, Found>();
  for (const cell of cells) {
    const before = known(guest, cell);
    if (before !== null) found.set(cell, before);
  }
  for (let attempt = 1; attempt <= BOOTS; attempt++) {
    for (const system of [undefined, 'bookworm', 'trixie', 'newcomer'] as const) {
      const missing = cells.filter((cell) => cell.system === system && !found.has(cell));
      if (missing.length > 0) await examineOnce(guest, missing, system, attempt, found);
    }
  }
  for (const cell of cells.filter((one) => !found.has(one))) {
    const text = `no answer in ${BOOTS} boots`;
    const nothing = { state, version: '', when: '', seconds: 0, ok: false, text, figures: {} };
    found.set(cell, { guest: guest.name, cell: cell.name, ...nothing });
  }
  return [...found.values()];
}

async function examineOnce(
  guest: Guest,
  missing: readonly Cell[],
  system: RootKind | undefined,
  attempt: number,
  found: Map<Cell, Found>,
): Promise<void> {
  console.log(`vm: ${guest.name}: ${missing.map(({ name }) => name).join(', ')}`);
  const { findings, version, log, console: said, status } = await runCells(guest, missing, { system });
  const folder = join(RESULTS, guest.name);
  mkdirSync(folder, { recursive: true });
  for (const [cell, { seconds, ...finding }] of findings) {
    const when = new Date().toISOString();
    const one: Found = { guest: guest.name, cell: cell.name, state, version, when, seconds, ...finding };
    found.set(cell, one);
    writeFileSync(fileOf(guest, cell), `${JSON.stringify(one, null, 1)}\n`);
    const word = finding.ok ? 'ok' : 'FAILED';
    console.log(`vm: ${guest.name} ${cell.name}: ${word}, ${finding.text} (${seconds} s)`);
  }
  const name = `log${system === undefined ? '' : `-${system}`}-${attempt}`;
  writeFileSync(join(folder, name), `${log}\n--- console\n${said}`);
  if (status === null)
    console.log(`vm: ${guest.name}: the guest did not come to its end\n${lastLines(said)}`);
}

const lastLines = (text: string) => text.trimEnd().split('\n').slice(-5).join('\n');

if (options.page) {
  // What is known, of these sources or earlier ones, here or elsewhere; nothing is booted.
  const files = globSync('*/*.json', { cwd: RESULTS }).sort();
  const found = files.map((file) => JSON.parse(readFileSync(join(RESULTS, file), 'utf8')) as Found);
  recordVerified(found);
  writePage(recordFound(found), state);
  process.exit(0);
}

const guests = chosen(GUESTS, options.kernel, 'guest');
const cells = chosen(CELLS, options.cell, 'cell');
const all: Found[] = [];
for (const guest of guests)
  all.push(
    ...(await examine(
      guest,
      cells.filter(({ only }) => only?.(guest.name) ?? true),
    )),
  );
for (const one of all) for (const word of growth(one)) console.log(`vm: ${one.guest}: ${word}`);
console.log(`\n${tableOf(all, guests, cells, state)}`);
const failed = all.filter(({ ok }) => !ok);
console.log(`${all.length - failed.length} of ${all.length} cells hold`);
process.exitCode = failed.length > 0 ? 1 : 0;
