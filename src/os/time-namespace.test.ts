// Offsets of time namespaces are read as the kernel writes them; those that cannot be allowed for are refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { boottimeOffsetNs, offsetProblem, parseBoottimeOffset } from './time-namespace.ts';

test('the offset of the boot clock is read, whatever it is', () => {
  assert.equal(parseBoottimeOffset('monotonic           5         0\nboottime            0         0\n'), 0n);
  assert.equal(parseBoottimeOffset('1 0 0\n7 864000 0\n'), 864_000_000_000_000n, 'Linux 5.6');
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 33), max: 2 ** 33 }), fc.nat(999_999_999), (seconds, ns) => {
      const line = (clock: string, s: number, n: number) =>
        `${clock.padEnd(10)} ${String(s).padStart(10)} ${String(n).padStart(9)}\n`;
      const text = line('monotonic', 77, 7) + line('boottime', seconds, ns);
      assert.equal(parseBoottimeOffset(text), BigInt(seconds) * 1_000_000_000n + BigInt(ns));
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const offset = parseBoottimeOffset(text);
      assert.ok(offset === null || typeof offset === 'bigint');
    }),
  );
});

test('what cannot be allowed for has a reason', () => {
  assert.equal(offsetProblem(0n), null);
  assert.equal(offsetProblem(864_000_000_000_000n), null);
  assert.match(offsetProblem(-10_000_000n) ?? '', /behind/);
  assert.match(offsetProblem(10_000_001n) ?? '', /whole number/);
  assert.match(offsetProblem(null) ?? '', /cannot be read/);
});

test('of this process there is one, or it says why not', () => {
  assert.equal(typeof boottimeOffsetNs(), 'bigint');
});
