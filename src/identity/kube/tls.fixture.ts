// Certificate authorities of a test, made with the openssl program.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** Why tests that need certificates cannot run; false when they can. */
export const NO_OPENSSL: string | false =
  spawnSync('openssl', ['version']).status === 0 ? false : 'the openssl program is not installed';

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface Authority {
  readonly ca: string;
  readonly caFile: string;
  /** `names` as in subjectAltName, e.g. `IP:127.0.0.1`. */
  issue(commonName: string, names: string): Certificate;
}

export function tempDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-kube-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function makeAuthority(t: TestContext): Authority {
  const directory = tempDirectory(t);
  const made = (name: string, ...args: string[]): Certificate => {
    const [certFile, keyFile] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
    openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      keyFile,
      '-out',
      certFile,
      ...args,
    );
    return { certFile, keyFile, cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  };
  const authority = made('authority');
  return {
    ca: authority.cert,
    caFile: authority.certFile,
    issue: (commonName, names) => {
      const by = ['-CA', authority.certFile, '-CAkey', authority.keyFile];
      return made(commonName, ...by, '-addext', `subjectAltName=${names}`);
    },
  };
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(...args: string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
}
