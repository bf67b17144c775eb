// A certificate in files that something else renews, such as a Secret of cert-manager that is mounted.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkPair } from './pair.ts';
import type { CertificateListener, CertificateSource } from './source.ts';

const LOOK_MS = 5_000;

export class MountedCertificate implements CertificateSource {
  readonly #directory: string;
  readonly #lookMs: number;
  #timer: NodeJS.Timeout | undefined;
  #served = '';
  #reason: string | null = null;

  /** `directory` holds `tls.crt` and `tls.key`. */
  constructor(directory: string, lookMs = LOOK_MS) {
    this.#directory = directory;
    this.#lookMs = lookMs;
  }

  get reason(): string | null {
    return this.#reason;
  }

  start(listener: CertificateListener): void {
    if (this.#timer !== undefined) return;
    this.#look(listener);
    this.#timer = setInterval(() => this.#look(listener), this.#lookMs);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
  }

  /** Read whole each time: the kubelet changes links, which a watch of the file would not show. */
  #look(listener: CertificateListener): void {
    try {
      const cert = readFileSync(join(this.#directory, 'tls.crt'), 'utf8');
      const key = readFileSync(join(this.#directory, 'tls.key'), 'utf8');
      const content = `${cert}\n${key}`;
      if (content !== this.#served) {
        // Half of a change does not fit together: then the next look finds the other half.
        listener.serve(checkPair(cert, key));
        listener.info(`the certificate in ${this.#directory} is served`);
        this.#served = content;
      }
      this.#reason = null;
    } catch (error) {
      const reason = `the certificate in ${this.#directory} cannot be used: ${(error as Error).message}`;
      if (this.#reason !== reason) listener.warn(reason);
      this.#reason = reason;
    }
  }
}
