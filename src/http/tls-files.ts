// The certificate of a listener, from files that may change while it serves: cert-manager renews, a Secret is swapped.
//
// The contents are compared, not times or inodes: the kubelet swaps a symbolic link of the directory above, and an editor
// may write in place. A certificate that cannot be used leaves the one before in place, and is told once.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { CognitodError } from '../lib/errors.ts';

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Authorities of client certificates; null: none are asked for. */
  readonly clientCaFile: string | null;
}

export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
}

export interface TlsStats {
  /** When the certificate in use ends, in seconds since 1970. */
  readonly notAfterSeconds: number;
  readonly reloads: number;
  /** Times that changed files could not be used. */
  readonly failures: number;
}

export interface TlsWatcherOptions {
  readonly files: TlsFiles;
  /** Given what is new, once it was found to be usable. */
  readonly use: (material: TlsMaterial) => void;
  readonly info: (text: string) => void;
  readonly warn: (text: string) => void;
}

/** @throws CognitodError TLS_UNUSABLE */
export function readTls({ certFile, keyFile, clientCaFile }: TlsFiles): TlsMaterial {
  const read = (file: string) => {
    try {
      return readFileSync(file, 'utf8');
    } catch (cause) {
      throw unusable(`${file} cannot be read: ${(cause as Error).message}`, cause);
    }
  };
  const material = {
    cert: read(certFile),
    key: read(keyFile),
    ca: clientCaFile === null ? undefined : read(clientCaFile),
  };
  try {
    createSecureContext({ ...material, minVersion: 'TLSv1.2' });
    void new X509Certificate(material.cert).validTo;
    if (material.ca !== undefined) void new X509Certificate(material.ca).validTo;
  } catch (cause) {
    const files = [certFile, keyFile, clientCaFile].filter((file) => file !== null).join(', ');
    throw unusable(`${files} do not make a listener: ${(cause as Error).message}`, cause);
  }
  return material;
}

export class TlsWatcher {
  readonly #options: TlsWatcherOptions;
  #current: TlsMaterial;
  #seen: string;
  #problem = '';
  #reloads = 0;
  #failures = 0;

  /** `current` is what the listener has. */
  constructor(options: TlsWatcherOptions, current: TlsMaterial) {
    this.#options = options;
    this.#current = current;
    this.#seen = textOf(current);
  }

  stats(): TlsStats {
    const { validTo } = new X509Certificate(this.#current.cert);
    return { notAfterSeconds: Date.parse(validTo) / 1000, reloads: this.#reloads, failures: this.#failures };
  }

  /** Looks at the files once. */
  look(): void {
    const { files, use, info, warn } = this.#options;
    let material: TlsMaterial;
    try {
      material = readTls(files);
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#problem) {
        this.#failures++;
        warn(`${message}; the certificate before stays in use`);
      }
      this.#problem = message;
      return;
    }
    this.#problem = '';
    const text = textOf(material);
    if (text === this.#seen) return;
    use(material);
    this.#seen = text;
    this.#current = material;
    this.#reloads++;
    info(`the certificate of the API was replaced; it ends ${new X509Certificate(material.cert).validTo}`);
  }
}

const textOf = ({ cert, key, ca }: TlsMaterial): string => JSON.stringify([cert, key, ca]);

function unusable(reason: string, cause: unknown): CognitodError {
  return new CognitodError('TLS_UNUSABLE', `the certificate of the API cannot be used: ${reason}`, {
    hint: 'api.tls.cert_file, api.tls.key_file and api.tls.client_ca_file name PEM files',
    cause,
  });
}
