// The allow-list of labels and annotations.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_VALUE_LENGTH, selectEntries } from './selection.ts';

const entries = { b: '2', a: '1', 'team/x': '3', 'team/y': '4', 'io.kubernetes.pod.name': 'p' };

test('nothing is kept without a list', () => {
  assert.deepEqual(selectEntries(entries, []), {});
});

test('exact names and prefixes are kept, in the order of the names', () => {
  assert.deepEqual(Object.entries(selectEntries(entries, ['team/*', 'a'])).flat(), [
    'a',
    '1',
    'team/x',
    '3',
    'team/y',
    '4',
  ]);
});

test('a star is all but what the kubelet adds', () => {
  assert.deepEqual(Object.keys(selectEntries(entries, ['*'])), ['a', 'b', 'team/x', 'team/y']);
});

test('a label called __proto__ is a label', () => {
  const odd = JSON.parse('{"__proto__": "x"}');
  assert.equal(JSON.stringify(selectEntries(odd, ['*'])), '{"__proto__":"x"}');
});

test('long values are cut between characters', () => {
  const cut = (text: string) => selectEntries({ a: text }, ['*']).a!;
  assert.equal(cut('x'.repeat(1000)).length, MAX_VALUE_LENGTH);
  const pairs = `x${'😀'.repeat(200)}`;
  assert.equal(cut(pairs).length, MAX_VALUE_LENGTH - 1);
  assert.ok(cut(pairs).isWellFormed());
});

test('what is no text, and what is no object, is nothing', () => {
  assert.deepEqual(selectEntries({ a: 3, b: null, c: 'x' }, ['*']), { c: 'x' });
  for (const odd of [undefined, null, 3, 'abc']) assert.deepEqual({ ...selectEntries(odd, ['*']) }, {});
});
