// Figures and columns for people.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesText, commandText, cut, durationText, table } from './text.ts';

test('spans of time have two or three digits that matter', () => {
  const shown = [0, 2e-6, 0.00124, 0.25, 0.9994, 0.9996, 3.14, 59.9, 65, 3599, 7500, 90_000].map(
    durationText,
  );
  assert.deepEqual(shown, [
    '0µs',
    '2µs',
    '1.24ms',
    '250ms',
    '999ms',
    '1.0s',
    '3.1s',
    '59.9s',
    '1m05s',
    '59m59s',
    '2h05m',
    '1d01h',
  ]);
});

test('bytes are in binary units', () => {
  assert.deepEqual([0, 1023, 1024, 1536, 8 * 1024 ** 2, 5e15].map(bytesText), [
    '0 B',
    '1023 B',
    '1 KiB',
    '1.5 KiB',
    '8 MiB',
    '4547.5 TiB',
  ]);
});

test('a cut text has the width at most, and no half characters', () => {
  assert.equal(cut('abcdef', 6), 'abcdef');
  assert.equal(cut('abcdefg', 6), 'abcde…');
  assert.equal(cut('ab😀cd', 4), 'ab…');
});

test('columns are as wide as their widest cell, the last one as long as it is', () => {
  const rows = [
    ['A', 'BB', 'last'],
    ['long', '', 'x'],
  ];
  assert.equal(table(rows), 'A     BB  last\nlong      x\n');
  assert.equal(table(rows, 12), 'A     BB  l…\nlong      x\n');
  assert.equal(table([]), '');
});

test('an argument is quoted unless it is plainly one word', () => {
  assert.equal(
    commandText(['a', '--b=c,d:e@f/g', '', 'x y', '$HOME', '\\xff', 'é']),
    "a --b=c,d:e@f/g '' 'x y' '$HOME' '\\xff' 'é'",
  );
});
