// The text of a family, whatever the names hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { familyText, labelText, openMetricsText } from './exposition.ts';

test('a family is its head and a line for each series', () => {
  const text = familyText(
    {
      name: 'x_total',
      type: 'counter',
      help: 'What it is.',
      series: [
        ['', 1],
        ['a="b"', 2.5],
      ],
    },
    'prometheus',
  );
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

test('an exemplar stands behind its value, in OpenMetrics alone', () => {
  const family = {
    name: 'x_total',
    type: 'counter',
    help: 'What "it" is.',
    series: [
      ['a="b"', 2, { labels: { process_id: 'c0ffee00-1-2', pod: 'web-"1' }, time: 1_795_495_240.25 }],
      ['a="c"', 0],
    ],
  } as const;
  assert.equal(
    openMetricsText(familyText(family, 'openmetrics')),
    `# HELP cognitod_x What \\"it\\" is.
# TYPE cognitod_x counter
cognitod_x_total{a="b"} 2 # {process_id="c0ffee00-1-2",pod="web-\\"1"} 1 1795495240.25
cognitod_x_total{a="c"} 0
# EOF
`,
  );
  assert.doesNotMatch(familyText(family, 'prometheus'), /process_id/);
});

test('OpenMetrics has no empty lines, and names only families of counters without _total', () => {
  const text =
    '# HELP a_total_bytes Of a_total .\n# TYPE a_total_bytes gauge\na_total_bytes 1\n\n# TYPE b_total counter\n';
  assert.equal(
    openMetricsText(text),
    '# HELP a_total_bytes Of a_total .\n# TYPE a_total_bytes gauge\na_total_bytes 1\n# TYPE b counter\n# EOF\n',
  );
});
