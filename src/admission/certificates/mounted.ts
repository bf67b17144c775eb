// A certificate in files that something else renews, such as a Secret of cert-manager that is mounted.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RenewedFiles } from '../../http/index.ts';
import { checkPair } from './pair.ts';
import type { CertificateListener, CertificateSource } from './source.ts';

const LOOK_MS = 5_000;

export class MountedCertificate implements CertificateSource {
  readonly #directory: string;
  readonly #lookMs: number;
  #files: RenewedFiles<{ cert: string; key: string }> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `directory` holds `tls.crt` and `tls.key`. */
  constructor(directory: string, lookMs = LOOK_MS) {
    this.#directory = directory;
    this.#lookMs = lookMs;
  }

  get reason(): string | null {
    const problem = this.#files?.problem ?? null;
    return problem === null ? null : this.#unusable(problem);
  }

  start(listener: CertificateListener): void {
    if (this.#timer !== undefined) return;
    const files = new RenewedFiles({
      read: () => ({ cert: this.#read('tls.crt'), key: this.#read('tls.key') }),
      textOf: ({ cert, key }) => `${cert}\n${key}`,
      use: ({ cert, key }) => {
        listener.serve(checkPair(cert, key));
        listener.info(`the certificate in ${this.#directory} is served`);
      },
      failed: (problem) => listener.warn(this.#unusable(problem)),
    });
    this.#files = files;
    files.look();
    this.#timer = setInterval(() => files.look(), this.#lookMs);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
  }

  #read(name: string): string {
    return readFileSync(join(this.#directory, name), 'utf8');
  }

  #unusable(problem: string): string {
    return `the certificate in ${this.#directory} cannot be used: ${problem}`;
  }
}
