// Addresses, filters and figures of the pages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventFiltersOf, processFiltersOf, typeQuery, typesOf } from '../model/filters.ts';
import { groupsOf, placeText } from '../model/place.ts';
import { exitText, nanosOf, rateText, shareText, spanText } from './figures.ts';
import { formatRoute, parseRoute } from './route.ts';

test('an address and what it means are the same in both directions', () => {
  for (const route of [
    { page: 'now', id: null, query: {} },
    { page: 'processes', id: 'a/b?c#d <x>', query: { q: 'a&b=c d', ended: '1' } },
    { page: 'events', id: null, query: { type: 'exec,exit', pod: 'shop/api-1' } },
  ] as const)
    assert.deepEqual(parseRoute(formatRoute(route)), route);
  for (const hash of ['', '#', '#/', '#/nowhere', '#/__proto__', '#javascript:alert(1)'])
    assert.equal(parseRoute(hash).page, 'now', hash);
  assert.equal(parseRoute('#/processes/%E0%A4%A').id, null, 'a broken escape is no process');
});

test('only filters that the agent knows are asked of it', () => {
  const query = { type: 'exec', pod: 'a', q: 'search', ended: '1', uid: '', constructor: 'x' };
  assert.deepEqual(eventFiltersOf(query), { type: 'exec', pod: 'a' });
  assert.deepEqual(processFiltersOf(query), { pod: 'a' });
  assert.deepEqual([...typesOf({ type: 'exit,nonsense' })], ['exit']);
  assert.equal(typesOf({ type: 'nonsense' }).size, 3);
  assert.equal(typeQuery(new Set(['exit', 'fork'])), 'fork,exit');
  assert.equal(typeQuery(new Set(['fork', 'exec', 'exit'])), null);
});

test('figures are never better than they are', () => {
  assert.equal(shareText(999_999, 1_000_000), '99.99 %');
  assert.equal(shareText(5, 5), '100 %');
  assert.equal(shareText(0, 0), '–');
  assert.equal(rateText(0.04), '0.0');
  assert.equal(rateText(12_345.6), '12,346');
  assert.equal(nanosOf('2026-01-01T00:00:00.123456789Z') % 1_000_000_000n, 123_456_789n);
  assert.equal(spanText('2026-01-01T00:00:00.000000001Z', '2026-01-01T00:00:00.000501Z'), '501µs');
  assert.equal(spanText('soon', '2026-01-01T00:00:00Z'), '–');
  assert.equal(exitText(0, 'SIGKILL'), 'SIGKILL');
  assert.equal(exitText(null, 9), 'signal 9');
});

test('places have no more groups than are known, and harmless names', () => {
  const host = { container_id: null, pod_uid: null, unit: null, kernel_thread: false };
  assert.deepEqual(
    groupsOf(host).map(({ name }) => name),
    ['Host'],
  );
  const unnamed = { ...host, pod_uid: '0123456789', container_id: 'f'.repeat(64) };
  assert.deepEqual(
    groupsOf(unnamed).map(({ name }) => name),
    ['not named yet', '0123456789', 'ffffffffffff'],
  );
  assert.equal(placeText(unnamed), '01234567/ffffffffffff');
  const claimed = { ...host, container_id: 'f'.repeat(64), unit: 'user@1000.service', provenance: 'claimed' };
  assert.deepEqual(
    groupsOf(claimed).map(({ name }) => name),
    ['Host', 'user@1000.service'],
    'only a name says that it is that container',
  );
  assert.equal(placeText(claimed), 'user@1000.service');
  const bare = { ...unnamed, namespace: 'a\u202eb', pod_name: 'p', workload_kind: 'Pod', workload_name: 'p' };
  assert.deepEqual(
    groupsOf(bare).map(({ kind, name }) => `${kind} ${name}`),
    ['namespace a\\u{202e}b', 'pod p', 'container ffffffffffff'],
  );
});
