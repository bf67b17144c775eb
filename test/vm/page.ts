// The matrix as a table: in the terminal, and as docs/kernels.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './cache.ts';
import { CELLS, type Cell } from './cells.ts';
import type { Kept } from './found.ts';
import { GUESTS, type Guest } from './guests.ts';
import { verifiedByGuest } from './verified.ts';

const PAGE = join(ROOT, 'docs/kernels.md');
const BEGIN = '<!-- made by `make vm` -->';
const END = '<!-- end -->';
/** An error can be long; it is whole in build/vm. */
const WIDEST = 80;
const OLDER = '¹ found before the last change of the sources; – was not tried.';

function rowsOf(
  found: readonly Kept[],
  guests: readonly Guest[],
  cells: readonly Cell[],
  state: string,
): string[][] {
  return guests.map((guest) => {
    const own = found.filter((one) => one.guest === guest.name);
    const version = own.find((one) => one.version !== '')?.version ?? '';
    const texts = cells.map((cell) => {
      const one = own.find((each) => each.cell === cell.name);
      if (one === undefined) return '–';
      const text = one.ok ? one.text : `**fails**: ${one.text.slice(0, WIDEST).replaceAll('|', '/')}`;
      return one.state === state ? text : `${text} ¹`;
    });
    return [`${version || guest.kernel}${guest.note === '' ? '' : `, ${guest.note}`}`, ...texts];
  });
}

const markdown = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** For the terminal: what is wide is cut at nothing. */
export function tableOf(
  found: readonly Kept[],
  guests: readonly Guest[],
  cells: readonly Cell[],
  state: string,
): string {
  return markdown(['kernel', ...cells.map(({ title }) => title)], rowsOf(found, guests, cells, state));
}

/** Instructions that the verifier walks through, by kernel and program. */
function verifierTable(): string {
  const counts = verifiedByGuest((program) => program.startsWith('tp_btf/'));
  const names = [...new Set(counts.flatMap(([, programs]) => Object.keys(programs)))];
  const rows = counts.map(([guest, programs]) => [
    guest,
    ...names.map((name) => {
      const count = programs[name];
      return count === undefined ? '' : count === null ? 'not told' : String(count);
    }),
  ]);
  return markdown(['kernel', ...names.map((name) => `\`${name.replace('tp_btf/', '')}\``)], rows);
}

/** Puts the tables into docs/kernels.md; `state` is that of the sources now. */
export function writePage(found: readonly Kept[], state: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const [before, rest] = page.split(BEGIN);
  const after = rest!.split(END)[1]!;
  const when = found
    .map(({ when }) => when)
    .filter((text) => text !== '')
    .sort();
  const made = `Made by \`make vm\`, ${when[0]?.slice(0, 10)} to ${when.at(-1)?.slice(0, 10)}.`;
  const tables = [made, tableOf(found, GUESTS, CELLS, state), OLDER, verifierTable()];
  writeFileSync(PAGE, `${before}${BEGIN}\n${tables.join('\n\n')}\n${END}${after}`);
}
