// What the tests of the masker share.
import assert from 'node:assert/strict';
import { createMasker } from '../secrets.ts';

export const RULES = { enabled: true, extraArguments: [], extraPatterns: [] };
export const mask = createMasker(RULES);

/** A command line in words; quotes only around whole words. */
export const words = (line: string) =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3]!);

export function maskedBy(masker: typeof mask, line: string | string[]): string[] {
  const argv = typeof line === 'string' ? words(line) : [...line];
  const before = [...argv];
  const { masked, cut } = masker(argv, argv[0]!);
  assert.equal(masked, argv.filter((text, i) => text !== before[i]).length, 'the count of changed arguments');
  assert.equal(cut, false, 'all was read');
  return argv;
}

/** Each line must become the other. */
export function check(
  cases: readonly (readonly [line: string | string[], becomes: string | string[]])[],
): void {
  for (const [line, becomes] of cases) {
    assert.deepEqual(maskedBy(mask, line), typeof becomes === 'string' ? words(becomes) : becomes);
  }
}

/** One argument of a program without rules of its own. */
export const maskOne = (text: string) => maskedBy(mask, ['app', text])[1];
