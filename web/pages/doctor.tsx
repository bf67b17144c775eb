// The checks of the doctor, the self-test among them: what is wrong first.
import type { JSX } from 'preact';
import type { FindingJson } from '../../src/api/index.ts';
import { useDocument } from '../agent/poll.ts';
import { harmless, plural } from '../ui/figures.ts';
import { Failed, Loading } from '../ui/states.tsx';
import { Card } from './node.tsx';

const PERIOD_MS = 30_000;
type Result = FindingJson['result'];
const ORDER: readonly Result[] = ['fail', 'warn', 'ok', 'skip'];
const WORDS: Readonly<Record<Result, string>> = {
  fail: 'failed',
  warn: 'warning',
  ok: 'ok',
  skip: 'skipped',
};
const LEVELS: Readonly<Record<Result, string>> = { fail: 'bad', warn: 'warn', ok: 'ok', skip: 'skip' };

export function Doctor(): JSX.Element {
  const answer = useDocument('doctor', PERIOD_MS).value;
  if (answer === null) {
    return (
      <Card title="Checks">
        <Loading what="the checks" />
      </Card>
    );
  }
  if (!answer.ok) {
    return (
      <Card title="Checks">
        <Failed what="its checks" failure={answer.failure} />
      </Card>
    );
  }
  const { checks } = answer.value;
  const sorted = [...checks].sort((a, b) => ORDER.indexOf(a.result) - ORDER.indexOf(b.result));
  const counts = ORDER.flatMap((result) => {
    const count = checks.filter((check) => check.result === result).length;
    return count === 0 ? [] : [result === 'warn' ? plural(count, WORDS.warn) : `${count} ${WORDS[result]}`];
  });
  return (
    <Card title="Checks" note={<span class="muted">{counts.join(', ')}</span>}>
      <ul class="checks">
        {sorted.map(({ id, title, result, reason, fix }) => (
          <li key={id}>
            <span class={`chip ${LEVELS[result]}`}>{WORDS[result]}</span>
            <div>
              <strong>{harmless(title)}</strong>
              <p>{harmless(reason)}</p>
              {fix !== null && <p class="fix">{harmless(fix)}</p>}
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}
