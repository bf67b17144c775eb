// Runs kubectl, and nothing of it outlives the call.
import { spawn } from 'node:child_process';

const TIMEOUT_MS = 30_000;

export interface KubectlOptions {
  /** Given to its standard input. */
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** The output; rejects with what kubectl complained of, and with the output up to there as `stdout`. */
export type Kubectl = (args: readonly string[], options?: KubectlOptions) => Promise<string>;

/** kubectl with one kubeconfig file. */
export function kubectlWith(program: string, kubeconfig: string): Kubectl {
  return (args, { input = '', timeoutMs = TIMEOUT_MS } = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, [...args], {
        stdio: 'pipe',
        env: { ...process.env, KUBECONFIG: kubeconfig },
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text) => {
        stdout += text;
      });
      child.stderr.setEncoding('utf8').on('data', (text) => {
        stderr += text;
      });
      child.stdin.on('error', () => undefined).end(input);
      child.on('error', reject);
      child.on('close', (code, signal) => {
        if (code === 0) resolve(stdout);
        else {
          const error = new Error(
            `kubectl ${args.join(' ')}: ${stderr.trim() || `ended by ${signal ?? code}`}`,
          );
          reject(Object.assign(error, { stdout }));
        }
      });
    });
}
