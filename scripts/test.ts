// Runs all tests and prints, as the last line, how many passed and failed: `make test`. Arguments: files to run.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** An emulated machine is ten times slower: test/support/patience.ts. */
const PATIENCE = Number(process.env.TEST_PATIENCE ?? 1);
const ROOT = join(import.meta.dirname, '..');
process.chdir(ROOT);
const named = process.argv.slice(2);
const files = (named.length > 0 ? named : globSync(['{src,web,test,bench}/**/*.test.ts'])).sort();

interface Finished {
  kind: 'pass' | 'fail' | 'skip' | 'todo';
  name: string;
  file: string;
  reason?: string;
  error?: string;
}

// Kernel tests share the machine's processes and CPU: one file at a time, so that counts and bounds are theirs.
const child = spawn(
  process.execPath,
  [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-concurrency=1',
    `--test-timeout=${300_000 * PATIENCE}`,
    '--test-reporter=./scripts/test-reporter.ts',
    ...files,
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
const results: Finished[] = [];
for await (const line of createInterface({ input: child.stdout })) {
  if (!line.startsWith('{"kind":')) {
    console.log(line);
    continue;
  }
  const result = JSON.parse(line) as Finished;
  results.push(result);
  if (result.kind === 'fail') console.log(`FAILED  ${result.file}: ${result.name}\n${result.error ?? ''}\n`);
}
const code = await new Promise<number | null>((resolve) => {
  if (child.exitCode !== null) resolve(child.exitCode);
  else child.on('exit', resolve);
});

const count = (kind: Finished['kind']) => results.filter((result) => result.kind === kind).length;
for (const skip of results.filter((result) => result.kind === 'skip' || result.kind === 'todo')) {
  console.log(`skipped  ${skip.file}: ${skip.name}: ${skip.reason ?? 'no reason given'}`);
}
// A file that breaks down outside any test would otherwise not be counted.
const failed = count('fail') + (code !== 0 && count('fail') === 0 ? 1 : 0);
if (code !== 0 && count('fail') === 0) console.log(`the test runner ended with ${code}`);
const skipped = count('skip') + count('todo');
console.log(`${count('pass')} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || count('pass') === 0 ? 1 : 0;
