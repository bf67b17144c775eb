// Whom the client trusts, and the certificate that it shows: from files, looked at before anything is sent.
import { readFileSync } from 'node:fs';
import { CognitodError } from '../lib/errors.ts';

/** PEM texts, fit for `tls.connect`. */
export interface ClientTls {
  /** Authorities to trust instead of the usual ones. */
  readonly ca?: string;
  /** What the client shows, with its chain. */
  readonly cert?: string;
  readonly key?: string;
}

export interface TlsOptions {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

const WHOSE = {
  caFile: '--ca-file, or COGNITOD_CA_FILE, names the authority of the certificate of the agent, PEM',
  certFile: '--cert-file, or COGNITOD_CERT_FILE, names the certificate that is shown to the agent, PEM',
  keyFile: '--key-file, or COGNITOD_KEY_FILE, names the private key of --cert-file, PEM without a passphrase',
} as const;

/** @throws CognitodError USAGE for files that cannot be used, or do not belong together */
export async function readClientTls(options: TlsOptions, env: NodeJS.ProcessEnv): Promise<ClientTls> {
  const caFile = options.caFile ?? (env.COGNITOD_CA_FILE || undefined);
  const certFile = options.certFile ?? (env.COGNITOD_CERT_FILE || undefined);
  const keyFile = options.keyFile ?? (env.COGNITOD_KEY_FILE || undefined);
  const ca = caFile === undefined ? {} : { ca: readPem(caFile, WHOSE.caFile, 'CERTIFICATE') };
  if (certFile === undefined && keyFile === undefined) return ca;
  if (certFile === undefined) throw unusable('a key is given, but no certificate', WHOSE.certFile);
  if (keyFile === undefined) throw unusable('a certificate is given, but no key', WHOSE.keyFile);
  const cert = readPem(certFile, WHOSE.certFile, 'CERTIFICATE');
  const key = readPem(keyFile, WHOSE.keyFile, 'PRIVATE KEY');
  await checkPair({ file: certFile, text: cert }, { file: keyFile, text: key });
  return { ...ca, cert, key };
}

interface PemFile {
  readonly file: string;
  readonly text: string;
}

async function checkPair(cert: PemFile, key: PemFile): Promise<void> {
  // Loaded only for certificates: most clients have none.
  const { createPrivateKey, X509Certificate } = await import('node:crypto');
  const certificate = attempt(
    () => new X509Certificate(cert.text),
    `${cert.file} has no certificate that can be read`,
    WHOSE.certFile,
  );
  const privateKey = attempt(
    () => createPrivateKey(key.text),
    `${key.file} has no private key that can be read`,
    WHOSE.keyFile,
  );
  if (!certificate.checkPrivateKey(privateKey))
    throw unusable(`${key.file} is not the key of the certificate in ${cert.file}`, WHOSE.keyFile);
}

/** `kind` is how the head of such a part ends: `RSA PRIVATE KEY`, `ENCRYPTED PRIVATE KEY`. */
function readPem(file: string, whose: string, kind: 'CERTIFICATE' | 'PRIVATE KEY'): string {
  const text = attempt(() => readFileSync(file, 'utf8'), `${file} cannot be read`, whose);
  if (!new RegExp(`^-----BEGIN ([A-Z0-9]+ )*${kind}-----`, 'm').test(text))
    throw unusable(`${file} has no ${kind.toLowerCase()} in PEM`, whose);
  return text;
}

function attempt<T>(make: () => T, what: string, hint: string): T {
  try {
    return make();
  } catch (cause) {
    throw unusable(`${what}: ${(cause as Error).message}`, hint, cause);
  }
}

const unusable = (message: string, hint: string, cause?: unknown) =>
  new CognitodError('USAGE', message, { hint, cause });
