// What is counted, and the sums that everybody who shows the account needs.
import { COUNTED_KINDS, type CountedKind } from '../lib/counted-kinds.ts';
import type { LedgerJson } from './status.ts';

export { COUNTED_KINDS, type CountedKind };

/** Why an event did not reach the model: each a column of the account. */
export const MISSING_COLUMNS = ['lost', 'skipped'] as const;
export type MissingColumn = (typeof MISSING_COLUMNS)[number];

/** The columns of the account, in the order in which they are shown. */
export const LEDGER_COLUMNS = ['kernel', 'decoded', ...MISSING_COLUMNS, 'pending'] as const;
export type LedgerColumn = (typeof LEDGER_COLUMNS)[number];

export type LedgerRows = Pick<LedgerJson, CountedKind>;

/** Events of one kind that did not reach the model, for whatever reason. */
export const missingOf = (row: Readonly<Record<MissingColumn, number>>): number =>
  MISSING_COLUMNS.reduce((sum, column) => sum + row[column], 0);

/** Events of all kinds that did not reach the model, for whatever reason. */
export const missingIn = (ledger: LedgerRows): number =>
  COUNTED_KINDS.reduce((sum, kind) => sum + missingOf(ledger[kind]), 0);

/** The sum of a column over all kinds. */
export const columnOf = (ledger: LedgerRows, column: LedgerColumn): number =>
  COUNTED_KINDS.reduce((sum, kind) => sum + ledger[kind][column], 0);

/** Why events are missing, with how many; empty when none are. */
export const missingByColumn = (ledger: LedgerRows): [column: MissingColumn, count: number][] =>
  MISSING_COLUMNS.map((column): [MissingColumn, number] => [column, columnOf(ledger, column)]).filter(
    ([, count]) => count > 0,
  );

/** For a line that has room for little: what is lost always, other columns when there is something in them. */
export const shownMissing = (ledger: LedgerRows): [column: MissingColumn, count: number][] => [
  ['lost', columnOf(ledger, 'lost')],
  ...missingByColumn(ledger).filter(([column]) => column !== 'lost'),
];
