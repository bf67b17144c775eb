import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { COUNTED_KINDS, type EvidenceContent } from '../api/index.ts';
import { lineOf, verifyChain } from '../lib/hash-chain.ts';
import { MemoryChain } from './chain-file.ts';
import { ledgerOf, snapshotOf } from './evidence.fixture.ts';
import { EvidenceRecorder, type EvidenceSnapshot } from './recorder.ts';

/** A recorder whose clock and agent are the test's. */
function open(
  chain = new MemoryChain(100),
  begin = '2026-11-22T23:59:00Z',
  fields: Partial<EvidenceSnapshot> = {},
) {
  let now = new Date(begin);
  /** What the wall clock is ahead of the other by. */
  let setMs = 0;
  let snapshot = snapshotOf(fields);
  const heads: string[] = [];
  const warnings: string[] = [];
  const recorder = new EvidenceRecorder({
    chain,
    node: 'node-a',
    bootId: 'boot',
    version: '1.0.0',
    agentPid: 7,
    startedAt: new Date(now.getTime() - 500),
    sealed: ({ hash }) => heads.push(hash),
    snapshot: () => snapshot,
    now: () => now,
    elapsedMs: () => now.getTime() - setMs,
    warn: (text) => warnings.push(text),
  });
  return {
    chain,
    recorder,
    warnings,
    heads,
    at(time: string, fields: Partial<EvidenceSnapshot> = {}) {
      now = new Date(time);
      snapshot = { ...snapshot, ...fields };
      recorder.look();
    },
    /** The clock is set by so much, and the time of the next look with it. */
    set(ms: number) {
      setMs += ms;
    },
    reasons: () => chain.records.map(({ reason }) => reason),
    last: () => chain.records.at(-1) as EvidenceContent,
  };
}

test('a day ends at midnight UTC, and its record counts what happened since the one before', () => {
  const { at, last, reasons, recorder, chain } = open();
  at('2026-11-22T23:59:50Z', { ledger: ledgerOf(100, 0, { seen: 40, attributed: 40 }) });
  assert.deepEqual(reasons(), ['start']);
  at('2026-11-23T00:00:03Z', { ledger: ledgerOf(110, 0, { seen: 50, attributed: 49 }) });
  assert.deepEqual(reasons(), ['start', 'day']);
  assert.equal(last().from, '2026-11-22T23:59:00.000Z');
  assert.equal(last().to, '2026-11-23T00:00:00.000Z');
  assert.deepEqual(last().coverage.exec, { happened: 110, seen: 110, lost: 0, skipped: 0 });
  assert.deepEqual(last().containers, { events: 50, attributed: 49 });
  at('2026-11-23T12:00:00Z', { ledger: ledgerOf(115, 0) });
  assert.deepEqual(recorder.current().coverage.fork, { happened: 5, seen: 5, lost: 0, skipped: 0 });
  recorder.stop();
  recorder.stop();
  assert.deepEqual(reasons(), ['start', 'day', 'stop']);
  assert.deepEqual(verifyChain(chain.records.map((record) => `${lineOf(record)}\n`).join('')).problems, []);
});

test('losses are gaps with their times; those that follow each other are one', () => {
  const { at, recorder } = open();
  at('2026-11-22T23:59:10Z', { ledger: ledgerOf(10, 0) });
  at('2026-11-22T23:59:20Z', { ledger: ledgerOf(10, 2) });
  at('2026-11-22T23:59:30Z', { ledger: ledgerOf(10, 3) });
  at('2026-11-22T23:59:40Z', { ledger: ledgerOf(20, 3) });
  at('2026-11-22T23:59:50Z', { ledger: ledgerOf(20, 4) });
  assert.deepEqual(recorder.current().gaps, [
    { from: '2026-11-22T23:59:10.000Z', to: '2026-11-22T23:59:30.000Z', reason: 'lost', events: 12 },
    { from: '2026-11-22T23:59:40.000Z', to: '2026-11-22T23:59:50.000Z', reason: 'lost', events: 4 },
  ]);
  recorder.stop();
});

test('what was skipped is a gap of its own, and both go on beside each other', () => {
  const { at, recorder } = open();
  const nothing = { seen: 0, attributed: 0 };
  at('2026-11-22T23:59:10Z', { ledger: ledgerOf(10, 1, nothing, 2) });
  at('2026-11-22T23:59:20Z', { ledger: ledgerOf(10, 2, nothing, 3) });
  at('2026-11-22T23:59:30Z', { ledger: ledgerOf(10, 2, nothing, 4) });
  const gap = (to: string, reason: string, events: number) => ({
    from: '2026-11-22T23:59:00.000Z',
    to: `2026-11-22T23:59:${to}.000Z`,
    reason,
    events,
  });
  assert.deepEqual(recorder.current().gaps, [gap('20', 'lost', 8), gap('30', 'skipped', 16)]);
  recorder.stop();
});

test('a lost move is a gap, and its row is in the record', () => {
  const { at, recorder } = open();
  const ledger = { ...ledgerOf(0, 0), move: { kernel: 6, decoded: 5, lost: 1, skipped: 0, pending: 0 } };
  at('2026-11-22T23:59:10Z', { ledger });
  const { coverage, gaps } = recorder.current();
  assert.deepEqual(coverage.move, { happened: 6, seen: 5, lost: 1, skipped: 0 });
  assert.deepEqual(coverage.exec, { happened: 0, seen: 0, lost: 0, skipped: 0 });
  assert.deepEqual(
    gaps.map(({ reason, events }) => [reason, events]),
    [['lost', 1]],
  );
  recorder.stop();
});

/** All records of a run together, for each column; the same for every kind in these tests. */
const told = (chain: MemoryChain) =>
  COUNTED_KINDS.map((kind) =>
    (['happened', 'seen', 'lost', 'skipped'] as const).map((field) =>
      chain.records.reduce((sum, { coverage }) => sum + coverage[kind]![field]!, 0),
    ),
  );

test('the records of a run add up to its ledger, for all kinds and columns', () => {
  const { at, recorder, chain } = open();
  const nothing = { seen: 0, attributed: 0 };
  at('2026-11-22T23:59:30Z', { ledger: ledgerOf(10, 1, nothing, 2) });
  at('2026-11-23T00:00:03Z', { ledger: ledgerOf(20, 1, nothing, 2) });
  at('2026-11-24T00:00:03Z', { ledger: ledgerOf(30, 4, nothing, 5) });
  at('2026-11-24T12:00:00Z', { ledger: ledgerOf(40, 4, nothing, 6) });
  recorder.stop();
  assert.equal(chain.records.length, 4);
  assert.deepEqual(
    told(chain),
    COUNTED_KINDS.map(() => [50, 40, 4, 6]),
  );
});

test('what is told after a record has called it skipped is in no later record negative, nor twice', () => {
  const { at, recorder, chain } = open();
  const nothing = { seen: 0, attributed: 0 };
  at('2026-11-23T00:00:03Z', { ledger: ledgerOf(10, 0, nothing, 3) });
  at('2026-11-23T10:00:00Z', { ledger: ledgerOf(11, 0, nothing, 2) });
  assert.deepEqual(recorder.current().coverage.exec, { happened: 0, seen: 1, lost: 0, skipped: 0 });
  at('2026-11-24T00:00:03Z', { ledger: ledgerOf(12, 0, nothing, 2) });
  at('2026-11-24T10:00:00Z', { ledger: ledgerOf(12, 0, nothing, 4) });
  recorder.stop();
  const { records } = chain;
  assert.deepEqual(
    records.map(({ coverage }) => coverage.exec.skipped),
    [0, 3, 0, 1],
  );
  assert.deepEqual(told(chain)[0], [16, 12, 0, 4]);
  assert.deepEqual(
    records.flatMap(({ gaps }) => gaps.map(({ reason, events }) => [reason, events])),
    [
      ['skipped', 12],
      ['skipped', 4],
    ],
  );
});

test('another capability, configuration or program makes a record; another thread does not', () => {
  const { at, last, reasons, recorder } = open();
  const { privileges } = snapshotOf();
  at('2026-11-22T23:59:10Z', { privileges: { ...privileges, threads: 9 } });
  assert.deepEqual(reasons(), ['start']);
  at('2026-11-22T23:59:20Z', { privileges: { ...privileges, cap_permitted: ['CAP_BPF'] } });
  assert.deepEqual(reasons(), ['start', 'change']);
  assert.deepEqual(last().privileges.cap_permitted, ['CAP_BPF']);
  at('2026-11-22T23:59:30Z', { configuration: { sha256: 'b'.repeat(64), values: {} } });
  assert.deepEqual(reasons(), ['start', 'change', 'change']);
  recorder.stop();
});

test('a time between two runs is a gap', () => {
  const first = open();
  first.at('2026-11-22T23:59:30Z');
  first.recorder.stop();
  const second = open(first.chain, '2026-11-23T06:00:00Z');
  assert.deepEqual(second.last().gaps, [
    { from: '2026-11-22T23:59:30.000Z', to: '2026-11-23T05:59:59.500Z', reason: 'not-running', events: null },
  ]);
  second.recorder.stop();
});

test('what happened and was lost before the first record is in it', () => {
  const ledger = ledgerOf(7, 2, { seen: 5, attributed: 4 });
  const { at, last, chain, recorder, heads } = open(new MemoryChain(100), '2026-11-22T10:00:00Z', { ledger });
  assert.deepEqual(last().coverage.fork, { happened: 9, seen: 7, lost: 2, skipped: 0 });
  assert.deepEqual(last().containers, { events: 5, attributed: 4 });
  assert.deepEqual(last().gaps, [
    { from: '2026-11-22T09:59:59.500Z', to: '2026-11-22T10:00:00.000Z', reason: 'lost', events: 8 },
  ]);
  at('2026-11-22T10:00:10Z', { ledger: ledgerOf(8, 2, { seen: 5, attributed: 4 }) });
  recorder.stop();
  assert.deepEqual(last().coverage.fork, { happened: 1, seen: 1, lost: 0, skipped: 0 });
  assert.deepEqual(
    heads,
    chain.records.map(({ hash }) => hash),
  );
});

test('after an end without a last record, nobody says that the agent did not run', () => {
  const { chain } = open();
  const second = open(chain, '2026-11-23T06:00:00Z');
  assert.equal(second.last().gaps[0]?.reason, 'not-recorded');
  second.recorder.stop();
});

test('who called, and where the agent connected to, is counted per record', () => {
  const { at, recorder } = open();
  const request = { who: 'token', method: 'GET', route: '/api/v1/status', status: 200 };
  at('2026-11-22T23:59:10Z', { access: [{ ...request, count: 4 }] });
  at('2026-11-23T00:00:10Z', { access: [{ ...request, count: 5 }] });
  assert.deepEqual(recorder.current().access, []);
  at('2026-11-23T00:00:20Z', { access: [{ ...request, count: 7 }] });
  assert.deepEqual(recorder.current().access, [{ ...request, count: 2 }]);
  const to = (name: string, count: number) => ({ to: name, count });
  at('2026-11-23T23:59:10Z', { connections: [to('a', 3)] });
  at('2026-11-24T00:00:10Z', { connections: [to('a', 3)], connectionsOverflow: 2 });
  at('2026-11-24T00:00:20Z', { connections: [to('a', 5), to('b', 1)], connectionsOverflow: 7 });
  const { connections, connections_overflow } = recorder.current();
  assert.deepEqual([connections, connections_overflow], [[to('a', 2), to('b', 1)], 5]);
  recorder.stop();
});

test('a record that cannot be written is tried again, and nothing of it is lost', () => {
  const chain = new MemoryChain(100);
  const { at, last, reasons, recorder, warnings } = open(chain);
  const append = chain.append.bind(chain);
  chain.append = () => {
    throw new Error('the disk is full');
  };
  at('2026-11-23T00:00:10Z', { ledger: ledgerOf(10, 1) });
  at('2026-11-23T00:00:20Z', { ledger: ledgerOf(20, 1) });
  assert.deepEqual(warnings, ['the disk is full; it is tried again']);
  chain.append = append;
  at('2026-11-23T00:00:30Z', { ledger: ledgerOf(30, 1) });
  assert.deepEqual(reasons(), ['start', 'day']);
  assert.deepEqual(last().coverage.exit, { happened: 31, seen: 30, lost: 1, skipped: 0 });
  assert.equal(last().gaps.length, 1);
  recorder.stop();
});

const iso = (time: string) => new Date(time).toISOString();

test('a clock that is ahead for a moment: no record claims the time between, and the days go on', () => {
  const { at, set, chain, recorder } = open();
  at('2026-11-22T23:59:10Z', { ledger: ledgerOf(10, 0) });
  const years = Date.parse('2038-01-01T00:00:00Z') - Date.parse('2026-11-22T23:59:10Z');
  set(years);
  at('2038-01-01T00:00:10Z', { ledger: ledgerOf(20, 0) });
  at('2038-01-01T00:00:20Z', { ledger: ledgerOf(30, 1) });
  set(-years);
  at('2026-11-22T23:59:40Z', { ledger: ledgerOf(40, 1) });
  at('2026-11-23T00:00:10Z', { ledger: ledgerOf(50, 1) });
  at('2026-11-24T00:00:10Z', { ledger: ledgerOf(60, 1) });
  recorder.stop();
  assert.deepEqual(
    chain.records.map(({ reason, from, to, problems }) => [reason, from, to, problems.length]),
    [
      ['start', iso('2026-11-22T23:58:59.500Z'), iso('2026-11-22T23:59:00Z'), 0],
      ['change', iso('2026-11-22T23:59:00Z'), iso('2026-11-22T23:59:20Z'), 1],
      ['change', iso('2038-01-01T00:00:10Z'), iso('2038-01-01T00:00:30Z'), 1],
      ['day', iso('2026-11-22T23:59:40Z'), iso('2026-11-23T00:00:00Z'), 0],
      ['day', iso('2026-11-23T00:00:00Z'), iso('2026-11-24T00:00:00Z'), 0],
      ['stop', iso('2026-11-24T00:00:00Z'), iso('2026-11-24T00:00:10Z'), 0],
    ],
  );
  assert.match(
    chain.records[1]!.problems[0]!,
    /^the clock was set from 2026-11-22T23:59:20.000Z to 2038-01-01T00:00:10.000Z/,
  );
  assert.equal(told(chain)[0]![0], 61, 'and all of it is counted once');
});

test('whatever the clock does, no record and no gap ends before it begins, and all together have every event', () => {
  const step = fc.record({
    passMs: fc.constantFrom(0, 10_000, 10_000, 3_600_000, 86_400_000),
    setMs: fc.constantFrom(0, 0, 0, -4_000, 4_000, -86_400_000, 4_000_000_000_000, -4_000_000_000_000),
    lost: fc.boolean(),
    fails: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const chain = new MemoryChain(1000);
      const append = chain.append.bind(chain);
      let full = false;
      chain.append = (content) => {
        if (full) throw new Error('no space left on device');
        return append(content);
      };
      const desk = open(chain);
      let time = Date.parse('2026-11-22T23:59:00Z');
      let [seen, lost] = [0, 0];
      for (const { passMs, setMs, lost: loses, fails } of steps) {
        time += passMs + setMs;
        desk.set(setMs);
        full = fails;
        if (loses) lost++;
        desk.at(new Date(time).toISOString(), { ledger: ledgerOf(++seen, lost) });
        const { from, to } = desk.recorder.current();
        assert.ok(from <= to);
      }
      full = false;
      desk.recorder.stop();
      for (const { from, to, gaps } of chain.records) {
        assert.ok(from <= to, `${from} to ${to}`);
        for (const gap of gaps) assert.ok(gap.from <= gap.to, `gap ${gap.from} to ${gap.to}`);
      }
      assert.deepEqual(told(chain)[0], [seen + lost, seen, lost, 0]);
    }),
  );
});

test('a run that begins before the end of the last record says so, and its gap is no negative time', () => {
  const chain = new MemoryChain(100);
  open(chain, '2038-01-01T00:00:00Z').recorder.stop();
  const { last } = open(chain, '2026-11-22T12:00:00Z');
  assert.deepEqual(last().gaps, [
    {
      from: iso('2026-11-22T11:59:59.500Z'),
      to: iso('2026-11-22T11:59:59.500Z'),
      reason: 'not-running',
      events: null,
    },
  ]);
  assert.match(last().problems.join(), /ends at 2038-01-01.* the clock was set back/);
});

test('a loss is told once, in the health and in a record that is made at once', () => {
  const chain = new MemoryChain(100);
  const desk = open(chain);
  let loss: string | null = 'the file was removed';
  chain.inspect = (() => {
    const found = loss;
    loss = null;
    return found;
  }) as typeof chain.inspect;
  desk.at('2026-11-22T23:59:10Z');
  desk.at('2026-11-22T23:59:20Z');
  assert.deepEqual(desk.reasons(), ['start', 'change']);
  assert.deepEqual(desk.last().problems, ['the file was removed']);
  assert.deepEqual(desk.warnings, ['the file was removed']);
  assert.deepEqual(desk.recorder.health(), { failedWrites: 0, losses: 1, problem: 'the file was removed' });
});

test('while a loss cannot be put right nothing is written, and it is tried again', () => {
  const chain = new MemoryChain(100);
  const desk = open(chain);
  const inspect = chain.inspect.bind(chain);
  chain.inspect = () => {
    throw new Error('no space left on device');
  };
  desk.at('2026-11-23T00:00:10Z', { ledger: ledgerOf(5, 0) });
  desk.at('2026-11-23T00:00:20Z');
  assert.deepEqual(desk.reasons(), ['start']);
  assert.deepEqual(desk.warnings, ['no space left on device; it is tried again']);
  assert.deepEqual(desk.recorder.health(), {
    failedWrites: 2,
    losses: 0,
    problem: 'no space left on device',
  });
  chain.inspect = inspect;
  desk.at('2026-11-23T00:00:30Z');
  assert.deepEqual(desk.reasons(), ['start', 'day']);
  assert.equal(desk.recorder.health().problem, null);
});
