// The certificate of a listener, from files that may change while it serves.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { CognitodError } from '../lib/errors.ts';
import { RenewedFiles } from './renewed-files.ts';

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
  readonly #files: RenewedFiles<TlsMaterial>;
  #current: TlsMaterial;
  #reloads = 0;
  #failures = 0;

  /** `current` is what the listener has. */
  constructor({ files, use, info, warn }: TlsWatcherOptions, current: TlsMaterial) {
    this.#current = current;
    this.#files = new RenewedFiles(
      {
        read: () => readTls(files),
        textOf,
        use: (material) => {
          use(material);
          this.#current = material;
          this.#reloads++;
          info(
            `the certificate of the API was replaced; it ends ${new X509Certificate(material.cert).validTo}`,
          );
        },
        failed: (problem) => {
          this.#failures++;
          warn(`${problem}; the certificate before stays in use`);
        },
      },
      current,
    );
  }

  stats(): TlsStats {
    const { validTo } = new X509Certificate(this.#current.cert);
    return { notAfterSeconds: Date.parse(validTo) / 1000, reloads: this.#reloads, failures: this.#failures };
  }

  /** Looks at the files once. */
  look(): void {
    this.#files.look();
  }
}

const textOf = ({ cert, key, ca }: TlsMaterial): string => JSON.stringify([cert, key, ca]);

function unusable(reason: string, cause: unknown): CognitodError {
  return new CognitodError('TLS_UNUSABLE', `the certificate of the API cannot be used: ${reason}`, {
    hint: 'api.tls.cert_file, api.tls.key_file and api.tls.client_ca_file name PEM files',
    cause,
  });
}
