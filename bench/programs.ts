// Starts the programs that are measured, and stops each by its pid.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { missingOf, type StatusJson } from '../src/api/index.ts';
import { buildWorkload, EXIT_WITH, WORKLOAD } from '../test/support/workload.ts';
import { cpuSeconds, onCleanup, scratchDirectory, sleep, until } from './host.ts';

export const ROOT = join(import.meta.dirname, '..');
const COGNITOD = join(ROOT, 'cognitod');
const STOP_MS = 10_000;

export interface Program {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Of its living threads, since its start. */
  cpuSeconds(): number;
  /** Resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export function start(
  command: string,
  args: readonly string[],
  stdio: (number | 'pipe' | 'ignore')[],
): Program {
  const child = spawn(command, args, { stdio });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${command} cannot be started`);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  onCleanup(() => {
    if (isRunning()) child.kill('SIGKILL');
  });
  return {
    pid,
    child,
    cpuSeconds: () => cpuSeconds(pid),
    async stop(signal = 'SIGTERM') {
      if (!isRunning()) return;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Events by kind. */
export interface Events {
  readonly fork: number;
  readonly exec: number;
  readonly exit: number;
}

export interface RunningAgent extends Program {
  readonly api: string;
  /** What the agent decoded and lost since its start. */
  ledger(): Promise<{ decoded: Events; lost: number }>;
}

let files = 0;

/** A new file for the output of a program. */
export function outputFile(): { path: string; fd: number } {
  const path = join(scratchDirectory(), `output-${++files}`);
  return { path, fd: openSync(path, 'a') };
}

export const agentArguments = (...more: string[]) => [
  'agent',
  '--json',
  '--collector',
  'ebpf',
  '--api-listen',
  '127.0.0.1:0',
  '--ops-listen',
  '127.0.0.1:0',
  ...more,
];

/** The real agent of a checkout on ports of its own; printing means a JSON line per event, into a file. */
export async function startAgent(printing = false, checkout = ROOT): Promise<RunningAgent> {
  const { path, fd } = outputFile();
  const args = agentArguments(...(printing ? [] : ['--quiet']));
  const program = start(join(checkout, 'cognitod'), args, ['ignore', fd, 'ignore']);
  const { apiAddress } = await until('the agent starts', 20, () => {
    if (program.child.exitCode !== null) throw new Error(`the agent ended with ${program.child.exitCode}`);
    const [line, rest] = readFileSync(path, 'utf8').split('\n', 2);
    return rest === undefined ? undefined : (JSON.parse(line!) as { apiAddress: string });
  });
  return {
    ...program,
    api: apiAddress,
    async ledger() {
      const response = await fetch(`${apiAddress}/api/v1/status`);
      const { ledger } = (await response.json()) as StatusJson;
      const { fork, exec, exit } = ledger;
      return {
        decoded: { fork: fork.decoded, exec: exec.decoded, exit: exit.decoded },
        lost: missingOf(fork) + missingOf(exec) + missingOf(exit),
      };
    },
  };
}

export function startCognitod(args: readonly string[], stdio: (number | 'pipe' | 'ignore')[]): Program {
  return start(COGNITOD, args, stdio);
}

/** A copy of the program that exits at once, under a name that nobody else on the machine executes. */
export function ownExitWith(name: string): string {
  buildWorkload();
  const path = join(scratchDirectory(), name);
  copyFileSync(EXIT_WITH, path);
  return path;
}

/** Runs the workload to its end without giving the event loop a turn. @throws when it fails */
export function runWorkloadSync(executable: string, mode: string, ...args: number[]): void {
  const { status, stderr } = spawnSync(WORKLOAD, [executable, mode, ...args.map(String)]);
  if (status !== 0) throw new Error(`the workload failed with ${status}: ${stderr}`);
}

/** Runs it while the event loop goes on; gives its pid. */
export async function runWorkload(executable: string, mode: string, ...args: number[]): Promise<number> {
  const workload = start(WORKLOAD, [executable, mode, ...args.map(String)], ['ignore', 'ignore', 'ignore']);
  while (workload.child.exitCode === null && workload.child.signalCode === null) await sleep(5);
  if (workload.child.exitCode !== 0) throw new Error(`the workload failed with ${workload.child.exitCode}`);
  return workload.pid;
}
