// Quantities in all ways in which Kubernetes writes them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseQuantity } from './quantity.ts';

const NANO = 1_000_000_000n;

test('a quantity is the same number however it is written', () => {
  const same: (string | number)[][] = [
    ['1Gi', '1073741824', 1073741824, '1024Mi', '1048576Ki', '+1Gi', '01Gi'],
    ['1', '1000m', '1.0', '1.', '1e0', '1E0', '10e-1', '1000000u', '1000000000n', 1],
    ['0.5', '.5', '500m', '5e-1', 0.5],
    ['1k', '1e3', '1E3', '1000', '0.001M'],
    ['1.5Gi', '1536Mi', '1610612736'],
    ['1E', '1e18', '1000P', '1000000T'],
    ['-1', '-1000m'],
    ['0', '0Gi', '0m', '0.000', '-0'],
    // Smaller than the smallest: rounded up.
    ['1n', '0.1n', '1e-9', '1e-12', '0.0000000001'],
  ];
  const values = same.map((alike) => new Set(alike.map(parseQuantity)));
  for (const [index, set] of values.entries()) assert.equal(set.size, 1, same[index]!.join());
  assert.equal(new Set(values.map(([value]) => value)).size, same.length);
  assert.equal(parseQuantity('1Gi'), (1n << 30n) * NANO);
});

test('what is no quantity is none', () => {
  for (const text of [
    '',
    ' ',
    '.',
    '1 Gi',
    '1gi',
    '1K',
    '1ki',
    '0x1',
    '1e',
    '1e1000',
    'NaN',
    '1_000',
    '--1',
    '1Gi\n',
  ])
    assert.equal(parseQuantity(text), null, JSON.stringify(text));
  for (const number of [Number.NaN, Number.POSITIVE_INFINITY]) assert.equal(parseQuantity(number), null);
});

test('quantities are ordered as their numbers', () => {
  const amount = fc.record({
    count: fc.integer({ min: 0, max: 100_000 }),
    suffix: fc.constantFrom(['m', 0.001], ['', 1], ['k', 1e3], ['Ki', 1024], ['Mi', 2 ** 20], ['M', 1e6]),
  });
  fc.assert(
    fc.property(amount, amount, (a, b) => {
      const [x, y] = [a, b].map(({ count, suffix }) => parseQuantity(`${count}${suffix[0]}`)!);
      const [v, w] = [a, b].map(({ count, suffix }) => Math.round(count * (suffix[1] as number) * 1000));
      assert.equal(x! < y!, v! < w!);
      assert.equal(x === y, v === w);
    }),
    { seed: 20_261_201 },
  );
});
