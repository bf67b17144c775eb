import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasNativeSidecars } from './cluster-version.ts';

test('native sidecars are there from 1.29 on, whatever a provider appends', () => {
  const versions: [string, string, boolean | null][] = [
    ['1', '20', false],
    ['1', '28', false],
    ['1', '28+', false],
    ['1', '29', true],
    ['1', '29+', true],
    ['1', '100', true],
    ['2', '0', true],
    ['', '', null],
    ['1', 'x', null],
    ['v1', '30', null],
  ];
  for (const [major, minor, expected] of versions)
    assert.equal(hasNativeSidecars(major, minor), expected, `${major}.${minor}`);
  assert.equal(hasNativeSidecars(undefined, undefined), null);
});
