// Where the serving certificate comes from: a Secret that replicas share, or files that cert-manager keeps.
import type { Closable } from '../../lib/close.ts';
import type { Pair } from './pair.ts';

export interface CertificateListener {
  /** A certificate to serve from now on. */
  serve(pair: Pair): void;
  info(text: string): void;
  /** What a person should read, once per reason. */
  warn(text: string): void;
}

export interface CertificateSource extends Closable {
  /** Goes on by itself after failures. */
  start(listener: CertificateListener): void;
  /** Why there is trouble; null when all is well. */
  readonly reason: string | null;
}
