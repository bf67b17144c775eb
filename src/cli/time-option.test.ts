import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documents, fakeAgent, run } from './fake-agent.fixture.ts';
import { timeOption } from './time-option.ts';

const NOW = Date.parse('2026-11-24T12:00:00Z');

test('a moment stays as it is, to the nanosecond; a span is before now', () => {
  assert.equal(timeOption('2026-11-24T08:00:00.123456789Z', NOW), '2026-11-24T08:00:00.123456789Z');
  assert.equal(timeOption('2026-11-24 08:00:00+02:00', NOW), '2026-11-24T08:00:00+02:00');
  assert.equal(timeOption('90s', NOW), '2026-11-24T11:58:30.000Z');
  assert.equal(timeOption('1d', NOW), '2026-11-23T12:00:00.000Z');
});

test('anything else is refused, with both forms', () => {
  for (const text of [
    '',
    'now',
    '15',
    '15min',
    '-5m',
    '2026-11-24',
    '2026-13-45T00:00:00Z',
    '999999999d',
    '12:00',
  ])
    assert.throws(() => timeOption(text, NOW), /like 2026-11-24T08:00:00Z, or how long ago, like 15m/, text);
});

test('ps asks the agent for a time and an executable', async (t) => {
  const page = { schema_version: 1, processes: [], total: 0, next_cursor: null };
  const { api, requests } = await fakeAgent(t, documents({ '/api/v1/processes': page }));
  const argv = [
    'ps',
    '--api',
    api,
    '--since',
    '2026-11-24T08:00:00Z',
    '--until',
    '1h',
    '--executable',
    '/usr/bin/curl',
  ];
  assert.equal((await run(argv)).code, 0);
  const asked = new URL(requests[0]!.url!, api).searchParams;
  assert.deepEqual([asked.get('since'), asked.get('executable')], ['2026-11-24T08:00:00Z', '/usr/bin/curl']);
  assert.match(asked.get('until') ?? '', /^\d{4}-.*Z$/);
  assert.equal((await run(['ps', '--since', 'yesterday'])).code, 2);
});
