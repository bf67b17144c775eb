// The part of the report that counts: what happened, what of it is missing, and when.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EvidenceContent, type EvidenceJson, evidenceSchema } from '../../api/index.ts';
import { EvidenceRecorder, MemoryChain } from '../../evidence/index.ts';
import { ledgerOf, snapshotOf } from '../../evidence/evidence.fixture.ts';
import { type Block, toHtml, toMarkdown } from './document.ts';
import { reportOf } from './report.ts';

const NO_CONTAINERS = { seen: 0, attributed: 0 };

/** A chain with the records of an agent that ran on the 22nd and 23rd; `lost` and `skipped` of each kind on the second day. */
function chainOf(lost: number, skipped: number, chain = new MemoryChain(100)): MemoryChain {
  let now = new Date('2026-11-22T10:00:00Z');
  let ledger = ledgerOf(0, 0);
  const recorder = new EvidenceRecorder({
    chain,
    node: 'node-a',
    bootId: 'boot',
    version: '1.0.0',
    agentPid: 7,
    startedAt: now,
    snapshot: () => snapshotOf({ ledger }),
    now: () => now,
    elapsedMs: () => now.getTime(),
    sealed: () => {},
    warn: assert.fail,
  });
  const at = (time: string, seen: number, missing: [number, number]) => {
    now = new Date(time);
    ledger = ledgerOf(seen, missing[0], NO_CONTAINERS, missing[1]);
    recorder.look();
  };
  at('2026-11-23T00:00:00Z', 300, [0, 0]);
  at('2026-11-23T00:00:10Z', 400, [lost, skipped]);
  recorder.stop();
  return chain;
}

function evidenceOf({ records }: MemoryChain): EvidenceJson {
  const { sequence, hash, ...last } = records.at(-1)!;
  const from = last.to;
  const { previous_hash: _, ...content } = last;
  const nothing = { happened: 0, seen: 0, lost: 0, skipped: 0 };
  const current: EvidenceContent = {
    ...content,
    from,
    coverage: { fork: nothing, exec: nothing, exit: nothing, move: nothing },
    gaps: [],
  };
  const evidence = { schema_version: 1 as const, kept_in: null, head: { sequence, hash }, records, current };
  return evidenceSchema.parse(evidence);
}

function tableOf(blocks: readonly Block[], column: string) {
  return blocks
    .filter((block) => 'columns' in block)
    .find(({ columns }) => columns.includes(column))
    ?.rows.map((row) => row.join(' | '));
}

test('coverage of each day has all four kinds, and what was skipped beside what was lost', () => {
  const report = reportOf(evidenceOf(chainOf(1, 2)), 'now');
  assert.deepEqual(tableOf(report, 'day (UTC)'), [
    '2026-11-22 | 1,200 | 1,200 | 0 | 0 | –',
    '2026-11-23 | 412 | 400 | 4 | 8 | –',
  ]);
  assert.deepEqual(tableOf(report, 'gap from'), [
    '2026-11-23T00:00:00.000Z | 2026-11-23T00:00:10.000Z | 4 events lost',
    '2026-11-23T00:00:00.000Z | 2026-11-23T00:00:10.000Z | 8 events skipped',
  ]);
  const header = 'day (UTC) | forks, execs, exits, moves | seen | lost | skipped | of containers, attributed';
  assert.ok(toMarkdown(report).includes(`| ${header} |`));
  assert.match(toHtml('Evidence', report), /<th[^>]*>skipped<\/th>/);
});

test('without gaps the report says that nothing was lost or skipped', () => {
  const text = toMarkdown(reportOf(evidenceOf(chainOf(0, 0)), 'now'));
  assert.match(text, /No gaps: .* nothing was lost or skipped\./);
  assert.doesNotMatch(text, /gap from/);
});

test('records of a version that knew neither moves nor skipped programs are still shown', () => {
  const chain = new MemoryChain(100);
  const row = { happened: 100, seen: 99, lost: 1 };
  const { sequence: _, hash: __, previous_hash: ___, ...content } = chainOf(0, 0).records[0]!;
  chain.append({
    ...content,
    from: '2026-11-20T00:00:00.000Z',
    to: '2026-11-21T00:00:00.000Z',
    coverage: { fork: row, exec: row, exit: row },
  });
  const report = reportOf(evidenceOf(chainOf(0, 0, chain)), 'now');
  assert.equal(tableOf(report, 'day (UTC)')![0], '2026-11-20 | 300 | 297 | 3 | 0 | –');
  assert.match(toMarkdown(report), /whole: every record follows the one before/);
});
