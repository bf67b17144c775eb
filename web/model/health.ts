// Whether everything was seen, in a word.
import type { StatusJson } from '../../src/api/index.ts';
import { columnOf, missingByColumn } from '../../src/api/ledger.ts';
import { shareText } from '../ui/figures.ts';

export interface Health {
  readonly seen: number;
  readonly attributed: string;
  readonly level: 'ok' | 'warn' | 'bad';
  readonly word: string;
}

export function healthOf({ ledger, ready }: Pick<StatusJson, 'ledger' | 'ready'>): Health {
  const { seen, attributed } = ledger.containers;
  const missing = missingByColumn(ledger).map(([column]) => column);
  const known = { seen: columnOf(ledger, 'decoded'), attributed: shareText(attributed, seen) };
  if (!ready) return { ...known, level: 'bad', word: 'Not everything is seen' };
  if (missing.length > 0) return { ...known, level: 'bad', word: `Events were ${missing.join(' and ')}` };
  if (attributed < seen) return { ...known, level: 'warn', word: 'Not all attributed' };
  return { ...known, level: 'ok', word: 'Complete' };
}
