// The short form of `make bench`: every measurement that needs no other tool runs, and counts are exact. Times are
// not judged: these machines are noisy.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const ONLY = 'program-cost,pipeline,masking,identity,stream,clients,api,scrape,slowdown,admission,dashboard';

test('the short form of make bench measures, and no event is missing', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--expose-gc', join(import.meta.dirname, 'main.ts'), '--quick', '--only', ONLY],
    { encoding: 'utf8', timeout: 240_000 },
  );
  assert.equal(status, 0, stdout + stderr);
  for (const name of ONLY.split(',')) assert.match(stdout, new RegExp(`^${name}$`, 'm'));
  assert.match(stdout, /events missing of \d+: 0\.000 events {2}met/);
  const figures = stdout.split('\n').filter((line) => line.startsWith('  = '));
  assert.ok(figures.length >= 15, stdout);
  for (const line of figures) assert.doesNotMatch(line, /NaN|Infinity/);
});
