// Builds and runs the C program whose processes the tests know exactly.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
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
  { output: EXIT_WITH, source: 'exit-with.c', flags: ['-O2', '-Wall', '-static', '-nostdlib', '-ffreestanding', '-fno-stack-protector'] },
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

/** Runs a mode to its end; throws with its standard error when it fails. */
export async function runWorkload(mode: string, ...args: (string | number)[]): Promise<WorkloadRun> {
  const child = spawnWorkload(mode, ...args);
  child.stdin!.end();
  return finishWorkload(child);
}

/** Starts a mode; `hold` runs until its standard input ends. */
export function spawnWorkload(mode: string, ...args: (string | number)[]): ChildProcess {
  buildWorkload();
  // Its own process group: `hold` ends its children by a signal to the group.
  return spawn(WORKLOAD, [EXIT_WITH, mode, ...args.map(String)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
}

export async function finishWorkload(child: ChildProcess): Promise<WorkloadRun> {
  let stderr = '';
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  const facts: Record<string, number>[] = [];
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  for await (const line of createInterface({ input: child.stdout! })) facts.push(JSON.parse(line));
  const code = await exited;
  const last = facts.pop();
  if (code !== 0 || last?.done === undefined) throw new Error(`the workload failed with ${code}: ${stderr}`);
  return { pid: child.pid!, facts };
}
