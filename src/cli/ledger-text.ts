// The ledger as a table: in `cognitod status`, and by the agent at its end.
import type { LedgerJson } from '../api/index.ts';
import { countText, type Painter } from './text.ts';

export function ledgerText(ledger: LedgerJson, paint: Painter): string {
  const rows = (['fork', 'exec', 'exit', 'move'] as const).map((kind) => {
    const entry = ledger[kind];
    return [kind, ...[entry.kernel, entry.decoded, entry.lost, entry.pending].map(countText)];
  });
  const widths = [6, 12, 12, 10, 8];
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('');
  const { seen, attributed, unknown_cgroup: unknown } = ledger.containers;
  const share =
    seen === 0
      ? 'none in containers'
      : `${countText(attributed)} of ${countText(seen)} in containers attributed (${percentText(attributed, seen)})`;
  const notes = [
    `events: ${share}${unknown === 0 ? '' : `, ${countText(unknown)} of an unknown cgroup`}`,
    ...noteOf(ledger.healed, { exit_unseen: 'exits not seen', fork_unseen: 'forks not seen' }, 'healed'),
    ...noteOf(
      ledger.dropped,
      { exited: 'exited processes', live: 'live processes', images: 'images' },
      'forgotten for lack of space',
    ),
  ];
  const lost = ledger.fork.lost + ledger.exec.lost + ledger.exit.lost + ledger.move.lost;
  const verdict =
    lost === 0 ? paint('green', 'nothing lost') : paint(['bold', 'red'], `${countText(lost)} events lost`);
  return `${[line(['ledger', 'kernel', 'decoded', 'lost', 'pending']), ...rows.map(line), ...notes, verdict].join('\n')}\n`;
}

/** Rounded down: 100 % only when it is all of them. */
const percentText = (part: number, whole: number) =>
  `${(Math.floor((10_000 * part) / whole) / 100).toFixed(2)} %`;

function noteOf<K extends string>(
  counts: Record<K, number>,
  names: Record<K, string>,
  what: string,
): string[] {
  const parts = (Object.keys(names) as K[])
    .filter((key) => counts[key] > 0)
    .map((key) => `${countText(counts[key])} ${names[key]}`);
  return parts.length === 0 ? [] : [`${what}: ${parts.join(', ')}`];
}
