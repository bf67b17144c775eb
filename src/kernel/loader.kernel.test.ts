import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const LOAD = `
const { loadPrograms } = await import(process.argv[1] + '/index.ts');
const { checkLayout } = await import(process.argv[1] + '/../decode/index.ts');
const options = { hooks: 'tp_btf', ringBytes: 65536, argvBytes: 4096, btfPath: null, checkTypes: checkLayout };
for (let round = 0; round < 3; round++) loadPrograms(options).close();
`;

test('a profiler that interrupts all the time does not keep the programs from being loaded', () => {
  const profiles = mkdtempSync(join(tmpdir(), 'cognitod-load-'));
  try {
    const profiler = ['--cpu-prof', '--cpu-prof-interval', '100', '--cpu-prof-dir', profiles];
    const { status, stderr } = spawnSync(
      process.execPath,
      [...profiler, '--input-type=module', '-e', LOAD, import.meta.dirname],
      { encoding: 'utf8', timeout: 60_000 },
    );
    assert.equal(status, 0, stderr);
  } finally {
    rmSync(profiles, { recursive: true, force: true });
  }
});
