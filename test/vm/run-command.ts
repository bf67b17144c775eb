// Runs a command for the building of guests; what it says is kept for the error.
import { spawnSync } from 'node:child_process';

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Standard output. Throws with the last lines of what the command said when it fails. */
export function run(command: string, args: readonly string[], options: CommandOptions = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    cwd: options.cwd,
    input: options.input,
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', ...options.env },
  });
  if (error !== undefined) throw error;
  if (status !== 0) {
    const said = `${stdout}${stderr}`.trimEnd().split('\n').slice(-15).join('\n');
    throw new Error(`${command} ${args.join(' ')} failed (${status}):\n${said}`);
  }
  return stdout;
}
