// Builds and runs the C program whose processes the tests know exactly.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../..');
const BUILD = join(ROOT, 'build');
/** A static program of a few instructions that exits with its first argument. */
export const EXIT_WITH = join(BUILD, 'exit-with');
export const WORKLOAD = join(BUILD, 'workload');

const PROGRAMS = [
  { output: WORKLOAD, source: 'workload.c', flags: ['-O2', '-Wall', '-pthread', '-static'] },
  {
    output: EXIT_WITH,
    source: 'exit-with.c',
    flags: ['-O2', '-Wall', '-static', '-nostdlib', '-ffreestanding', '-fno-stack-protector'],
  },
];

/** Compiles what is older than its source. */
export function buildWorkload(): void {
  mkdirSync(BUILD, { recursive: true });
  for (const { output, source, flags } of PROGRAMS) {
    const file = join(import.meta.dirname, source);
    const built = statSync(output, { throwIfNoEntry: false });
    if (built !== undefined && built.mtimeMs > statSync(file).mtimeMs) continue;
    execFileSync('gcc', [...flags, '-o', output, file], { stdio: ['ignore', 'inherit', 'inherit'] });
  }
}

export interface WorkloadRun {
  /** The workload process itself. */
  readonly pid: number;
  /** Every JSON line that it printed, but for the last. */
  readonly facts: Record<string, number>[];
}

export interface RunningWorkload {
  readonly pid: number;
  /** Resolves at its first line: `hold` has made all its children by then. */
  readonly ready: Promise<void>;
  /** Ends its standard input and waits for it; throws with its standard error when it failed. */
  finish(): Promise<WorkloadRun>;
}

/** Runs a mode to its end. */
export async function runWorkload(mode: string, ...args: (string | number)[]): Promise<WorkloadRun> {
  return startWorkload(mode, ...args).finish();
}

/** Starts a mode; `hold` runs until its standard input ends. */
export function startWorkload(mode: string, ...args: (string | number)[]): RunningWorkload {
  buildWorkload();
  // Its own process group: `hold` ends its children by a signal to the group.
  const child = spawn(WORKLOAD, [EXIT_WITH, mode, ...args.map(String)], { stdio: 'pipe', detached: true });
  const facts: Record<string, number>[] = [];
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<void>((resolve) => {
    lines.once('line', () => resolve());
    lines.once('close', () => resolve());
  });
  lines.on('line', (line) => facts.push(JSON.parse(line)));
  const ended = Promise.all([
    new Promise<number | null>((resolve) => child.on('exit', resolve)),
    new Promise<void>((resolve) => lines.once('close', resolve)),
  ]);
  return {
    pid: child.pid!,
    ready,
    async finish() {
      child.stdin.end();
      const [code] = await ended;
      const last = facts.pop();
      if (code !== 0 || last?.done === undefined)
        throw new Error(`the workload failed with ${code}: ${stderr}`);
      return { pid: child.pid!, facts };
    },
  };
}
