// The word on everything, in the header of every page.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LedgerJson } from '../../src/api/index.ts';
import { healthOf } from './health.ts';

const row = { kernel: 10, decoded: 10, lost: 0, skipped: 0, pending: 0 };
const account = (changes: Partial<LedgerJson> = {}) =>
  ({
    fork: row,
    exec: row,
    exit: row,
    move: row,
    containers: { seen: 5, attributed: 5, unknown_cgroup: 0, claimed: 0 },
    ...changes,
  }) as LedgerJson;
const judged = (changes: Partial<LedgerJson>, ready = true) => {
  const { level, word } = healthOf({ ledger: account(changes), ready });
  return `${level}: ${word}`;
};

test('complete is only what nothing is missing of, of no kind', () => {
  assert.equal(judged({}), 'ok: Complete');
  for (const kind of ['fork', 'exec', 'exit', 'move'])
    assert.equal(judged({ [kind]: { ...row, lost: 1 } }), 'bad: Events were lost', kind);
  assert.equal(judged({ exit: { ...row, skipped: 1 } }), 'bad: Events were skipped');
  assert.equal(
    judged({ exit: { ...row, skipped: 1 }, move: { ...row, lost: 1 } }),
    'bad: Events were lost and skipped',
  );
});

test('an agent that does not see the node is told before what it lost, and that before what has no pod', () => {
  const containers = { seen: 5, attributed: 4, unknown_cgroup: 0, claimed: 0 };
  assert.equal(judged({ containers, exec: { ...row, skipped: 1 } }, false), 'bad: Not everything is seen');
  assert.equal(judged({ containers, exec: { ...row, skipped: 1 } }), 'bad: Events were skipped');
  assert.equal(judged({ containers }), 'warn: Not all attributed');
});

test('seen are all events that reached the agent, moves too', () => {
  const ledger = account({ move: { ...row, kernel: 12, decoded: 7, lost: 5 } });
  assert.equal(healthOf({ ledger, ready: true }).seen, 37);
});
