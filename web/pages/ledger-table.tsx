// The ledger in full.
import type { JSX } from 'preact';
import type { LedgerJson, StatusJson } from '../../src/api/index.ts';
import { COUNTED_KINDS, LEDGER_COLUMNS, MISSING_COLUMNS } from '../../src/api/ledger.ts';
import { countText, shareText } from '../ui/figures.ts';
import { Fact } from './node.tsx';

const SUM = ['decoded', ...MISSING_COLUMNS, 'pending'].join(' + ');
const isMissing = (column: string) => MISSING_COLUMNS.some((missing) => missing === column);

export function LedgerTable({
  ledger,
  decodeErrors,
}: {
  ledger: LedgerJson;
  decodeErrors: StatusJson['decode_errors'];
}): JSX.Element {
  const { containers, healed, dropped, cgroup } = ledger;
  const errors = Object.entries(decodeErrors).filter(([, count]) => count > 0);
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
      <section class="scroll-x" tabIndex={0} aria-label="Table of the ledger">
        <table class="ledger">
          <caption class="muted">kernel = {SUM}, at any moment</caption>
          <thead>
            <tr>
              <th scope="col">Event</th>
              {LEDGER_COLUMNS.map((column) => (
                <th key={column} scope="col" class="figures">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {COUNTED_KINDS.map((kind) => (
              <tr key={kind}>
                <th scope="row">{kind}</th>
                {LEDGER_COLUMNS.map((column) => {
                  const count = ledger[kind][column];
                  return (
                    <td key={column} class={`figures ${isMissing(column) && count > 0 ? 'bad' : ''}`}>
                      {countText(count)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <dl class="facts wide">
        <Fact name="In containers">
          {countText(containers.attributed)} of {countText(containers.seen)} events attributed (
          {shareText(containers.attributed, containers.seen)}), {countText(containers.unknown_cgroup)} in
          cgroups without a name, {countText(containers.claimed)} in containers that only a name claims
        </Fact>
        <Fact name="Cgroups">
          {countText(cgroup.decoded)} told, {countText(cgroup.lost)} lost
        </Fact>
        <Fact name="Healed">
          {countText(healed.fork_unseen)} processes that nobody announced, {countText(healed.exit_unseen)}{' '}
          whose end was not seen, {countText(healed.reopened)} taken for ended too early
        </Fact>
        <Fact name="Dropped for space">
          {countText(dropped.exited)} ended, {countText(dropped.live)} live, {countText(dropped.images)}{' '}
          images
        </Fact>
        <Fact name="Decode errors">
          {errors.length === 0
            ? 'none'
            : errors.map(([kind, count]) => `${kind} ${countText(count)}`).join(', ')}
        </Fact>
      </dl>
    </>
  );
}
