// Runs test files of the project in the guest: tests.ts CELL FILE...
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { tell } from './report.ts';

const [cell, ...patterns] = process.argv.slice(2);
const files = globSync(patterns).sort();
/** Node itself crashes now and then under emulation, with the same code that passes the next time. */
const ATTEMPTS = 3;

/** Prints as it goes: a guest that is ended has said how far it came. */
async function runTests(): Promise<{ stdout: string; signal: string | null }> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', 'scripts/test.ts', ...files],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    process.stdout.write(chunk);
  });
  const signal = await new Promise<string | null>((resolve) =>
    child.on('close', (_code, signal) => resolve(signal)),
  );
  return { stdout, signal };
}

await tell(cell!, async () => {
  let crashes = 0;
  for (let attempt = 1; ; attempt++) {
    const { stdout, signal } = await runTests();
    const crashed = signal !== null || /'SIG(SEGV|TRAP|ILL|ABRT)'|\bsignal: SIG/.test(stdout);
    if (crashed) crashes++;
    if (crashed && attempt < ATTEMPTS) continue;
    const last = stdout.trimEnd().split('\n').at(-1) ?? '';
    const [, passed, failed, skipped] = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(last) ?? [];
    const ok = Number(passed) > 0 && failed === '0';
    const failures = [...stdout.matchAll(/^FAILED {2}(.*)$/gm)].map(([, name]) => name);
    const text = `${passed ?? 0} of ${Number(passed ?? 0) + Number(failed ?? 1)}`;
    return { ok, text, figures: { passed, failed, skipped, failures, crashes } };
  }
});
