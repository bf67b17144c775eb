// A small file that others replace while the agent runs: a token, a certificate authority, a kubeconfig.
import { readFileSync } from 'node:fs';
import { KubeFailure } from './kube-failure.ts';

/** The kubelet renews a token well before its end, so a minute is early enough. */
export const REREAD_MS = 60_000;

export class FreshFile {
  readonly path: string;
  readonly #what: string;
  readonly #rereadMs: number;
  #text = '';
  /** Monotonic; null when the next read must go to the file. */
  #readMs: number | null = null;

  /** `what` names the content in messages, e.g. `the token`. */
  constructor(path: string, what: string, rereadMs = REREAD_MS) {
    this.path = path;
    this.#what = what;
    this.#rereadMs = rereadMs;
  }

  /** The content, at most `rereadMs` old. Throws a KubeFailure when it cannot be read. */
  read(): string {
    if (this.#readMs !== null && performance.now() - this.#readMs < this.#rereadMs) return this.#text;
    try {
      this.#text = readFileSync(this.path, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const reason = `${this.#what} at ${this.path} cannot be read: ${READ_ERRORS[code ?? ''] ?? code}`;
      throw new KubeFailure('misconfigured', reason, { cause: error });
    }
    this.#readMs = performance.now();
    return this.#text;
  }

  forget(): void {
    this.#readMs = null;
  }
}

const READ_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};
