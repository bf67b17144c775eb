// A serving certificate with its key, checked.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

export interface Pair {
  /** PEM, the serving certificate first. */
  readonly cert: string;
  /** PEM. Never logged. */
  readonly key: string;
  readonly notAfterMs: number;
}

/** Throws an Error that says what is wrong, and never shows the key. */
export function checkPair(cert: string, key: string): Pair {
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(cert);
  } catch {
    throw new Error('the certificate is no PEM certificate');
  }
  try {
    if (!leaf.checkPrivateKey(createPrivateKey(key))) throw new Error();
    createSecureContext({ cert, key });
  } catch {
    throw new Error('the key does not belong to the certificate');
  }
  return { cert, key, notAfterMs: Date.parse(leaf.validTo) };
}
