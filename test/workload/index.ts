// Builds and runs the C program that makes processes in ways that are known exactly (workload.c lists them).
import { execFileSync, spawn } from 'node:child_process';
import { globSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../..');
/** Beside the program of test/support, which has another command line. */
export const WORKLOAD = join(ROOT, 'build/process-workload');

/** A process that the workload made. Pids are those of its own pid namespace. */
export interface WorkloadProcess {
  readonly pid: number;
  /** The real parent at birth. */
  readonly parent: number;
  /** Another than the parent after clone(CLONE_PARENT). */
  readonly forker: number;
  readonly kind: string;
  readonly execs: number;
  readonly exit_code: number | null;
  readonly signal: number | null;
  readonly core_dumped: boolean;
}

/** What the workload made after its own start. Its own fork, exec and exit are in no count. */
export interface WorkloadReport {
  readonly command: string;
  /** Of the workload itself. */
  readonly pid: number;
  readonly includes_self: false;
  readonly forks: number;
  readonly execs: number;
  readonly exits: number;
  readonly threads: number;
  readonly failed_execs: number;
  readonly elapsed_ns: number;
  /** In the order of their ends; only with `--pids`. */
  readonly processes?: readonly WorkloadProcess[];
}

export interface RunningWorkload {
  readonly pid: number;
  /** Resolves at the first line of `hold`: all children are there; and at the end of any mode. */
  readonly ready: Promise<void>;
  /** Ends its standard input and waits for it; rejects with its standard error when it failed. */
  finish(): Promise<WorkloadReport>;
  /** Kills it; its children end with it or after their own time. Harmless when it has ended. For `finally`. */
  kill(): Promise<void>;
}

/** Compiles the program when a source is newer. Test files may do so at the same time. */
export function buildWorkload(): string {
  const sources = globSync('*.{c,h}', { cwd: import.meta.dirname }).map((name) =>
    join(import.meta.dirname, name),
  );
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  const built = statSync(WORKLOAD, { throwIfNoEntry: false });
  if (built !== undefined && built.mtimeMs > newest) return WORKLOAD;

  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const output = `${WORKLOAD}.${process.pid}`;
  const code = sources.filter((file) => file.endsWith('.c'));
  const compile = (...flags: string[]) =>
    execFileSync('gcc', ['-O2', '-Wall', '-Wextra', '-pthread', ...flags, '-o', output, ...code], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
  try {
    try {
      compile('-static');
    } catch {
      // Without the static C library an exec costs a dynamic linker more.
      compile();
    }
    renameSync(output, WORKLOAD);
  } finally {
    rmSync(output, { force: true });
  }
  return WORKLOAD;
}

/** Starts a mode. `hold` runs until `finish`. */
export function startWorkload(...args: (string | number)[]): RunningWorkload {
  const child = spawn(buildWorkload(), args.map(String), { stdio: 'pipe' });
  const lines: string[] = [];
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  child.stdin.on('error', () => {});
  const output = createInterface({ input: child.stdout });
  const ready = new Promise<void>((resolve) => {
    output.once('line', () => resolve());
    output.once('close', () => resolve());
  });
  output.on('line', (line) => lines.push(line));
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve());
  });
  // A failed start is told to whoever calls `finish`.
  ended.catch(() => {});
  return {
    pid: child.pid ?? 0,
    ready,
    async finish() {
      child.stdin.end();
      await ended;
      const last = lines.at(-1);
      if (child.exitCode !== 0 || last === undefined) {
        throw new Error(
          `workload ${args.join(' ')} ended with ${child.exitCode ?? child.signalCode}: ${stderr}`,
        );
      }
      return JSON.parse(last) as WorkloadReport;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended.catch(() => {});
    },
  };
}

/** Runs a mode to its end. */
export function runWorkload(...args: (string | number)[]): Promise<WorkloadReport> {
  return startWorkload(...args).finish();
}
