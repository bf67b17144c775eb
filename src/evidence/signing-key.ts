// The node's key: signs the records of evidence. Made at the first start, or given.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CognitodError } from '../lib/errors.ts';
import { keyIdOf, type Signer } from '../lib/hash-chain.ts';

const FILE = 'evidence.key';

/** A signer that also shows its public half. */
export interface SigningKey extends Signer {
  /** PEM, SubjectPublicKeyInfo. */
  readonly publicKey: string;
}

/**
 * The key in a file that is given (PEM, PKCS #8, Ed25519). Throws EVIDENCE_KEY when it cannot be read or is another.
 */
export function readSigningKey(file: string): SigningKey {
  try {
    const key = createPrivateKey(readFileSync(file));
    if (key.asymmetricKeyType !== 'ed25519') throw new Error(`it is ${key.asymmetricKeyType}, not ed25519`);
    const publicKey = createPublicKey(key);
    return {
      keyId: keyIdOf(publicKey),
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
      sign: (hash) => sign(null, Buffer.from(hash), key).toString('hex'),
    };
  } catch (cause) {
    throw unusable(file, cause);
  }
}

/** The key of a directory, made (mode 0600) when there is none. Only one process may do so at a time. */
export function ownSigningKey(directory: string): SigningKey {
  const file = join(directory, FILE);
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync('ed25519');
    const next = `${file}.${process.pid}`;
    try {
      writeFileSync(next, privateKey.export({ type: 'pkcs8', format: 'pem' }), {
        mode: 0o600,
        flag: 'wx',
        flush: true,
      });
      // Whole or not at all.
      renameSync(next, file);
    } catch (cause) {
      rmSync(next, { force: true });
      throw unusable(file, cause);
    }
  }
  return readSigningKey(file);
}

function unusable(file: string, cause: unknown): CognitodError {
  return new CognitodError(
    'EVIDENCE_KEY',
    `the key ${file} cannot sign the evidence: ${(cause as Error).message}`,
    {
      hint: 'it must be an Ed25519 key as PEM, e.g. from `openssl genpkey -algorithm ed25519`; without evidence.key_file the agent makes one in evidence.directory',
      cause,
    },
  );
}
