// Counts per second, against a list of everything that happened.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SecondCounts } from './second-counts.ts';

test('the window tells what happened in each of its seconds, after any pauses', () => {
  const steps = fc.array(fc.record({ pause: fc.nat(14), events: fc.nat(4) }), { maxLength: 30 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 2, max: 8 }), fc.nat(1000), (all, size, start) => {
      const counts = new SecondCounts(size);
      const happened: number[] = [];
      let second = start;
      for (const { pause, events } of all) {
        second += pause;
        for (let count = 0; count < events; count++) {
          counts.add(second);
          happened.push(second);
        }
        const expected = Array.from(
          { length: size - 1 },
          (_, index) => happened.filter((at) => at === second - size + 1 + index).length,
        );
        assert.deepEqual(counts.before(second), expected);
        const total = expected.slice(-2).reduce((sum, count) => sum + count, 0);
        assert.equal(counts.rate(second, 2), total / Math.min(2, size - 1));
      }
    }),
  );
});
