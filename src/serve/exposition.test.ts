// The text of a family, whatever the names hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { familyText, labelText } from './exposition.ts';

test('a family is its head and a line for each series', () => {
  const text = familyText({
    name: 'x_total',
    type: 'counter',
    help: 'What it is.',
    series: [
      ['', 1],
      ['a="b"', 2.5],
    ],
  });
  assert.equal(
    text,
    '# HELP cognitod_x_total What it is.\n# TYPE cognitod_x_total counter\ncognitod_x_total 1\ncognitod_x_total{a="b"} 2.5\n',
  );
});

test('any value is one line, and is read back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (value) => {
      const text = labelText({ name: value });
      assert.ok(!text.includes('\n'));
      const quoted = /^name="((?:[^"\\]|\\["\\n])*)"$/.exec(text);
      assert.ok(quoted !== null, text);
      assert.equal(
        quoted[1]!.replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : char)),
        value,
      );
    }),
  );
});
