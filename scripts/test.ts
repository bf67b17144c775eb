// Runs all tests and prints, as the last line, how many passed and failed: `make test`. Arguments: files to run.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
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

const results: Finished[] = [];

/** The exit status of the test runner. */
async function run(part: readonly string[], concurrency: number): Promise<number | null> {
  if (part.length === 0) return 0;
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--test',
      `--test-concurrency=${concurrency}`,
      `--test-timeout=${300_000 * PATIENCE}`,
      '--test-reporter=./scripts/test-reporter.ts',
      ...part,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{"kind":')) {
      console.log(line);
      continue;
    }
    const result = JSON.parse(line) as Finished;
    results.push(result);
    if (result.kind === 'fail')
      console.log(`FAILED  ${result.file}: ${result.name}\n${result.error ?? ''}\n`);
  }
  return ended;
}

// Kernel tests share the machine's processes and CPU: one file at a time, so that counts and bounds are theirs. The others keep
// to themselves.
const isShared = (file: string) => /\.kernel\.test\.ts$/.test(file);
const codes = [
  await run(
    files.filter((file) => !isShared(file)),
    Math.min(4, availableParallelism()),
  ),
  await run(files.filter(isShared), 1),
];
const code = codes.find((one) => one !== 0) ?? 0;

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
