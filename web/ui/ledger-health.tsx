// The account of what was seen, lost and attributed, in the header of every page.
import type { JSX } from 'preact';
import type { StatusJson } from '../../src/api/index.ts';
import { shownMissing } from '../../src/api/ledger.ts';
import { healthOf } from '../model/health.ts';
import { countText } from './figures.ts';
import { formatRoute } from './route.ts';

/** `isOld`: the agent does not answer, so nobody knows whether what it said last still holds. */
export function LedgerHealth({ status, isOld }: { status: StatusJson; isOld: boolean }): JSX.Element {
  const { seen, attributed, ...health } = healthOf(status);
  const { level, word } = isOld ? { level: 'old', word: 'Last known' } : health;
  return (
    <a class={`ledger-health ${level}`} href={formatRoute({ page: 'node' })}>
      <span class="dot" aria-hidden="true" />
      <span class="unseen">Ledger:</span>
      <span class="word">{word}</span>
      <span class="figure">
        <span class="name">seen</span> {countText(seen)}
      </span>
      {shownMissing(status.ledger).map(([column, count]) => (
        <span key={column} class="figure">
          <span class="name">{column}</span> {countText(count)}
        </span>
      ))}
      <span class="figure">
        <span class="name">attributed</span> {attributed}
      </span>
    </a>
  );
}
