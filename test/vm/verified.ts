// How many instructions each kernel's verifier walked through, as recorded at the last `make vm ARGS=--page`: growth is told.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from './cells/report.ts';

const FILE = join(import.meta.dirname, 'verified-instructions.json');
/** More than so much of what was recorded is worth a look: the limit is a million, but older kernels walk longer. */
const GROWTH = 1.2;

type Counts = Readonly<Record<string, number | null>>;

interface LoadFinding extends Finding {
  readonly guest: string;
  readonly cell: string;
}

const recorded = (): Record<string, Counts> =>
  existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, Counts>) : {};

/** Of a finding of the cell `load`. */
function countsOf({ cell, figures }: LoadFinding): Counts {
  if (cell !== 'load') return {};
  const styles = ['tp_btf', 'raw_tp'] as const;
  return Object.fromEntries(
    styles.flatMap((style) => {
      const { verified = {} } = (figures[style] ?? {}) as { verified?: Counts };
      return Object.entries(verified).map(([name, count]) => [`${style}/${name}`, count]);
    }),
  );
}

/** As recorded, by guest: the programs that `wanted` takes. */
export function verifiedByGuest(wanted: (program: string) => boolean): [string, Counts][] {
  return Object.entries(recorded()).map(([guest, counts]) => [
    guest,
    Object.fromEntries(Object.entries(counts).filter(([program]) => wanted(program))),
  ]);
}

/** In words; none when nothing has grown. */
export function growth(finding: LoadFinding): string[] {
  const before = recorded()[finding.guest] ?? {};
  return Object.entries(countsOf(finding)).flatMap(([name, count]) => {
    const old = before[name];
    if (count === null || old === undefined || old === null || count <= old * GROWTH) return [];
    return [`the verifier walks through ${count} instructions of ${name}, ${old} before`];
  });
}

export function recordVerified(findings: readonly LoadFinding[]): void {
  const all = recorded();
  for (const finding of findings)
    if (finding.cell === 'load' && finding.ok) all[finding.guest] = countsOf(finding);
  writeFileSync(FILE, `${JSON.stringify(all, null, 2)}\n`);
}
