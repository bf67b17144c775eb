// Makes a serving certificate with an authority of its own. The key of the authority is forgotten at once: it signs one
// certificate, and the next one has its own authority.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Clocks of nodes differ. */
const BACKDATE_MS = 3_600_000;

export interface Issued {
  /** All PEM. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Times in ms since 1970. `names` are DNS names, the first one the common name. */
export async function issueCertificate(
  names: readonly string[],
  nowMs: number,
  lifetimeMs: number,
): Promise<Issued> {
  const validity = {
    notBefore: new Date(nowMs - BACKDATE_MS),
    notAfter: new Date(nowMs + lifetimeMs),
    signingAlgorithm: ALGORITHM,
  };
  const authorityKeys = await newKeys();
  const servingKeys = await newKeys();
  const authority = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: [{ CN: [`cognitod admission ${new Date(nowMs).toISOString()}`] }],
    keys: authorityKeys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    ],
  });
  const serving = await X509CertificateGenerator.create({
    ...validity,
    // X.520 bounds a common name to 64 characters; what counts are the alternative names.
    subject: [{ CN: [names[0]!.slice(0, 64)] }],
    issuer: authority.subjectName,
    publicKey: servingKeys.publicKey,
    signingKey: authorityKeys.privateKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', servingKeys.privateKey));
  return { ca: pem(authority), cert: pem(serving), key: pemOf('PRIVATE KEY', pkcs8) };
}

const newKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

const pem = (certificate: { rawData: ArrayBuffer }) => pemOf('CERTIFICATE', Buffer.from(certificate.rawData));

function pemOf(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g)!;
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
