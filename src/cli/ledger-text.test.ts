import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerJson } from '../api/index.ts';
import { sampleStatus } from './fake-agent.fixture.ts';
import { ledgerText } from './ledger-text.ts';
import { painter } from './text.ts';

const { ledger } = sampleStatus();
const withRows = (changes: Partial<LedgerJson>): LedgerJson => ({ ...ledger, ...changes });
const linesOf = (account: LedgerJson, color = false) =>
  ledgerText(account, painter(color)).trimEnd().split('\n');

test('each kind has a row, each way to be counted a column, and the columns stand below their names', () => {
  const exec = { kernel: 1_234_567, decoded: 1_234_500, lost: 50, skipped: 7, pending: 10 };
  const move = { kernel: 4, decoded: 4, lost: 0, skipped: 0, pending: 0 };
  assert.deepEqual(linesOf(withRows({ exec, move })).slice(0, 5), [
    'ledger      kernel     decoded        lost     skipped     pending',
    'fork         1,000       1,000           0           0           0',
    'exec     1,234,567   1,234,500          50           7          10',
    'exit         1,000       1,000           0           0           0',
    'move             4           4           0           0           0',
  ]);
});

test('the last line tells what was lost and what was skipped, each by itself', () => {
  const verdict = (changes: Partial<LedgerJson>) => linesOf(withRows(changes)).at(-1);
  const { fork, exec, move } = ledger;
  assert.equal(verdict({}), 'nothing lost');
  assert.equal(verdict({ fork: { ...fork, lost: 12 } }), '12 events lost');
  assert.equal(verdict({ move: { ...move, lost: 1 } }), '1 event lost');
  assert.equal(verdict({ exec: { ...exec, skipped: 1 } }), '1 event skipped');
  assert.equal(
    verdict({ fork: { ...fork, lost: 1200 }, exec: { ...exec, lost: 34, skipped: 3 } }),
    '1,234 events lost, 3 skipped',
  );
  assert.match(linesOf(ledger, true).at(-1)!, /^\u001b\[32mnothing lost/);
  assert.match(
    linesOf(withRows({ exec: { ...exec, skipped: 1 } }), true).at(-1)!,
    /^\u001b\[1m\u001b\[31m1 event skipped/,
  );
});
