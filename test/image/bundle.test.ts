// What the bundler cannot see must be shipped beside the bundle.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EXTERNAL_PACKAGES } from '../../scripts/build-dist.ts';

const SRC = join(import.meta.dirname, '../../src');

test('packages that are loaded by createRequire are shipped as packages', () => {
  const loaded = globSync('**/*.ts', { cwd: SRC }).flatMap((file) =>
    [...readFileSync(join(SRC, file), 'utf8').matchAll(/createRequire\([^)]*\)\(\s*'([^']+)'/g)].map(
      (match) => match[1]!,
    ),
  );
  assert.ok(loaded.includes('yaml'), 'the scan found what is known');
  for (const name of loaded) assert.ok(EXTERNAL_PACKAGES.includes(name), `${name}: scripts/build-dist.ts`);
});
