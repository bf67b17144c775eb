// The account of what was seen, lost and attributed, in the header of every page.
import type { JSX } from 'preact';
import type { LedgerJson, StatusJson } from '../../src/api/index.ts';
import { countText, shareText } from './figures.ts';
import { formatRoute } from './route.ts';

const KINDS = ['fork', 'exec', 'exit'] as const;

export interface Health {
  readonly seen: number;
  readonly lost: number;
  readonly attributed: string;
  readonly level: 'ok' | 'warn' | 'bad';
  readonly word: string;
}

export function healthOf({ ledger, ready }: Pick<StatusJson, 'ledger' | 'ready'>): Health {
  const sum = (field: keyof LedgerJson['fork']) =>
    KINDS.reduce((total, kind) => total + ledger[kind][field], 0);
  const { seen, attributed } = ledger.containers;
  const lost = sum('lost');
  const known = { seen: sum('decoded'), lost, attributed: shareText(attributed, seen) };
  if (!ready) return { ...known, level: 'bad', word: 'Not everything is seen' };
  if (lost > 0) return { ...known, level: 'bad', word: 'Events were lost' };
  if (attributed < seen) return { ...known, level: 'warn', word: 'Not all attributed' };
  return { ...known, level: 'ok', word: 'Complete' };
}

/** `isOld`: the agent does not answer, so nobody knows whether what it said last still holds. */
export function LedgerHealth({ status, isOld }: { status: StatusJson; isOld: boolean }): JSX.Element {
  const { seen, lost, attributed, ...health } = healthOf(status);
  const { level, word } = isOld ? { level: 'old', word: 'Last known' } : health;
  return (
    <a class={`ledger-health ${level}`} href={formatRoute({ page: 'node' })}>
      <span class="dot" aria-hidden="true" />
      <span class="unseen">Ledger:</span>
      <span class="word">{word}</span>
      <span class="figure">
        <span class="name">seen</span> {countText(seen)}
      </span>
      <span class="figure">
        <span class="name">lost</span> {countText(lost)}
      </span>
      <span class="figure">
        <span class="name">attributed</span> {attributed}
      </span>
    </a>
  );
}
