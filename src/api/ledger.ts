// What is counted, and the sums that everybody who shows the account needs.
import type { LedgerJson } from './status.ts';

/** Every kind of which the account has a row. */
export const COUNTED_KINDS = ['fork', 'exec', 'exit', 'move'] as const;
export type CountedKind = (typeof COUNTED_KINDS)[number];

/** Why an event did not reach the model: each a column of the account. */
export const MISSING_COLUMNS = ['lost', 'skipped'] as const;

/** The columns of the account, in the order in which they are shown. */
export const LEDGER_COLUMNS = ['kernel', 'decoded', ...MISSING_COLUMNS, 'pending'] as const;

type Rows = Pick<LedgerJson, CountedKind>;

/** Events of all kinds that did not reach the model, for whatever reason. */
export const missingIn = (ledger: Rows): number =>
  MISSING_COLUMNS.reduce((sum, column) => sum + columnOf(ledger, column), 0);

/** The sum of a column over all kinds. */
export const columnOf = (ledger: Rows, column: (typeof LEDGER_COLUMNS)[number]): number =>
  COUNTED_KINDS.reduce((sum, kind) => sum + ledger[kind][column], 0);
