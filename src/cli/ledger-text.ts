// The ledger as a table: in `cognitod status`, and by the agent at its end.
import { COUNTED_KINDS, LEDGER_COLUMNS, type LedgerJson, missingByColumn } from '../api/index.ts';
import { countText, type Painter } from './text.ts';

export function ledgerText(ledger: LedgerJson, paint: Painter): string {
  const rows = COUNTED_KINDS.map((kind) => [
    kind,
    ...LEDGER_COLUMNS.map((column) => countText(ledger[kind][column])),
  ]);
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(6) : cell.padStart(12))).join('');
  const { seen, attributed, unknown_cgroup: unknown, claimed } = ledger.containers;
  const share =
    seen === 0
      ? 'none in containers'
      : `${countText(attributed)} of ${countText(seen)} in containers attributed (${percentText(attributed, seen)})`;
  const notes = [
    [
      `events: ${share}`,
      ...(unknown > 0 ? [`${countText(unknown)} of an unknown cgroup`] : []),
      ...(claimed > 0 ? [`${countText(claimed)} in containers that only a name claims`] : []),
    ].join(', '),
    ...noteOf(
      ledger.healed,
      { exit_unseen: 'exits not seen', fork_unseen: 'forks not seen', reopened: 'taken for ended too early' },
      'healed',
    ),
    ...noteOf(
      ledger.dropped,
      { exited: 'exited processes', live: 'live processes', images: 'images' },
      'forgotten for lack of space',
    ),
  ];
  return `${[line(['ledger', ...LEDGER_COLUMNS]), ...rows.map(line), ...notes, verdict(ledger, paint)].join('\n')}\n`;
}

/** Whether anything is missing, and why: `12 events lost, 1 skipped`. */
function verdict(ledger: LedgerJson, paint: Painter): string {
  const missing = missingByColumn(ledger).map(([column, count], index) => {
    const events = index > 0 ? '' : count === 1 ? 'event ' : 'events ';
    return `${countText(count)} ${events}${column}`;
  });
  return missing.length === 0 ? paint('green', 'nothing lost') : paint(['bold', 'red'], missing.join(', '));
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
