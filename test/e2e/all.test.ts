// The summary of `make e2e`, with a make of the test's own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');

function e2e(...targets: string[]): { status: number | null; stdout: string } {
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-e2e-'));
  try {
    const make = join(folder, 'make');
    writeFileSync(make, '#!/bin/sh\necho "ran $2"\n[ "$2" != bad ]\n');
    chmodSync(make, 0o755);
    return spawnSync(process.execPath, [join(ROOT, 'scripts/e2e.ts'), ...targets], {
      encoding: 'utf8',
      env: { ...process.env, MAKE: make },
      timeout: 60_000,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a part that fails does not keep the others from running, and is told at the end', () => {
  const { status, stdout } = e2e('good', 'bad', 'better');
  assert.equal(status, 1);
  for (const target of ['good', 'bad', 'better']) assert.match(stdout, new RegExp(`^ran ${target}$`, 'm'));
  assert.match(stdout, /passed +good .*\n +FAILED +bad .*ended with 1\n +passed +better/);
  assert.match(stdout, /2 parts passed, 1 failed, in \d+ s\n$/);
});

test('when all pass so does the whole; without arguments every part that the Makefile has is run', () => {
  const { status, stdout } = e2e();
  assert.equal(status, 0);
  const ran = [...stdout.matchAll(/^ran (.*)$/gm)].map(([, target]) => target!);
  const makefile = readFileSync(join(ROOT, 'Makefile'), 'utf8');
  // The images have their own target: it needs minutes and emulation.
  const targets = [...makefile.matchAll(/^(e2e-[a-z]+):/gm)].map(([, target]) => target!);
  assert.deepEqual(ran.toSorted(), targets.filter((target) => target !== 'e2e-image').toSorted());
});
