// A harmless short process of our own, to see whether an agent tells of it.
import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Starts the program that runs this once more, with no input, output or environment: it lives `livesMs`, or as short as it
 * can (0). `marker` stands at the end of its arguments and means nothing to it. It needs no capability, writes nothing, and
 * works where the root file system is read-only. What the system refuses comes as the child's `error`, or is thrown.
 */
export function startOwnProcess(marker: string, livesMs: number): ChildProcess {
  const program = livesMs === 0 ? ['--version'] : ['-e', `setTimeout(() => {}, ${livesMs})`];
  return spawn(process.execPath, [...program, marker], { stdio: 'ignore', env: {} });
}
