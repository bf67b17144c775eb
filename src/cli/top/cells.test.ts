// Text in cells, measured by the columns that a terminal gives it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { cutColumns, fit, headLine, layOut, rowLine, wrapColumns } from './cells.ts';

const graphemes = new Intl.Segmenter();

test('any text takes exactly its columns', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.integer({ min: 1, max: 30 }),
      (raw, width) => {
        const text = raw.replaceAll(/\p{C}/gu, '');
        assert.equal(stringWidth(fit(text, width)), width);
        assert.equal(stringWidth(fit(text, width, 'right')), width);
        assert.ok(stringWidth(cutColumns(text, width)) <= width);
        const lines = wrapColumns(text, width);
        assert.equal(lines.join(''), text);
        // A character that is wider than a line stands alone.
        assert.ok(
          lines.every((line) => stringWidth(line) <= width || [...graphemes.segment(line)].length === 1),
        );
      },
    ),
  );
});

test('what is cut says so, and a wide character is not cut in two', () => {
  assert.equal(cutColumns('abcdef', 4), 'abc…');
  assert.equal(cutColumns('abcd', 4), 'abcd');
  assert.equal(cutColumns('日本語', 4), '日…');
  assert.equal(cutColumns('日本語', 5), '日本…');
  assert.equal(fit('日本語', 4), '日… ');
  assert.equal(cutColumns('e\u0301e\u0301e\u0301', 2), 'e\u0301…');
  assert.equal(cutColumns('abc', 0), '');
  assert.deepEqual(wrapColumns('日本語!', 5), ['日本', '語!']);
  assert.deepEqual(wrapColumns('', 5), ['']);
});

test('the last column takes what is left, and a line is never wider than the terminal', () => {
  const columns = [
    { title: 'N', align: 'right' as const, width: 4, text: (row: string[]) => row[0]! },
    { title: 'NAME', width: 1, text: (row: string[]) => row[1]! },
  ];
  const laidOut = layOut(columns, 12);
  assert.equal(headLine(laidOut, 12), '   N NAME   ');
  assert.equal(rowLine(laidOut, ['12345', 'a long name'], 12), '123… a long…');
  assert.equal(rowLine(layOut(columns, 3), ['1', 'x'], 3), '  …');
});
