// `make e2e`: every part against real containers and a real Kubernetes, one after the other, then one summary. A part that fails
// does not keep the others from running. Arguments: the targets; without them all.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const PARTS: readonly string[] = [
  'e2e-containers',
  'e2e-cluster',
  'e2e-modes',
  'e2e-install',
  'e2e-admission',
];
const named = process.argv.slice(2);
const make = process.env.MAKE ?? 'make';
let interrupted = false;
// Ctrl-C reaches the part too, which then cleans up.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    interrupted = true;
    if (signal === 'SIGTERM') child?.kill(signal);
  });
let child: ReturnType<typeof spawn> | undefined;

/** Null: it ended as it should; otherwise why not. */
async function run(target: string): Promise<string | null> {
  child = spawn(make, ['--no-print-directory', target], {
    cwd: join(import.meta.dirname, '..'),
    stdio: 'inherit',
  });
  return new Promise((resolve) => {
    child!.once('error', ({ message }) => resolve(message));
    child!.once('exit', (code, signal) => resolve(code === 0 ? null : `ended with ${signal ?? code}`));
  });
}

const seconds = (sinceMs: number) => `${Math.round((performance.now() - sinceMs) / 1000)} s`;

const beginMs = performance.now();
const lines: string[] = [];
let failed = 0;
for (const target of named.length > 0 ? named : PARTS) {
  if (interrupted) {
    lines.push(`  not run  ${target}`);
    failed++;
    continue;
  }
  console.log(`\n=== ${target}`);
  const partMs = performance.now();
  const problem = await run(target);
  if (problem !== null) failed++;
  lines.push(
    `  ${problem === null ? 'passed ' : 'FAILED '}  ${target.padEnd(16)}${seconds(partMs)}${problem === null ? '' : `, ${problem}`}`,
  );
}
console.log(
  `\n${lines.join('\n')}\n${lines.length - failed} parts passed, ${failed} failed, in ${seconds(beginMs)}`,
);
process.exitCode = failed === 0 ? 0 : 1;
