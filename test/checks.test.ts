// Lint, types, generated files and repository rules, as tests.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');

function run(command: string, ...args: string[]): void {
  const result = spawnSync(command, args, { cwd: ROOT, encoding: 'utf8' });
  assert.equal(result.status, 0, `${command} ${args.join(' ')}\n${result.stdout}\n${result.stderr}`);
}

test('the linter finds nothing', () => {
  run('scripts/biome', 'ci', '--colors=off', '.');
});

test('the types are right', () => {
  run('node_modules/.bin/tsc', '--noEmit');
  run('node_modules/.bin/tsc', '--noEmit', '-p', 'web');
});

test('the committed objects and decoder are what bpf/ gives', () => {
  run(process.execPath, 'scripts/build-bpf.ts', '--check');
});

test('the lock file holds no download addresses', () => {
  assert.ok(!readFileSync(join(ROOT, 'package-lock.json'), 'utf8').includes('"resolved"'));
});
