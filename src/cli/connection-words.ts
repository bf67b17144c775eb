// Why a connection to the agent failed, in words that say what to do.

const UNTRUSTED = 'its certificate is of an authority that is not trusted (--ca-file)';

const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not connect to its socket',
  ENOENT: 'there is no such socket',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  CERT_SIGNATURE_FAILURE: UNTRUSTED,
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is its own authority, which is not trusted (--ca-file)',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: is the clock right?',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to its network',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
};

/** Any error of a request; `withCertificate`: one was shown. */
export function describe(error: unknown, withCertificate = false): string {
  const { code = '', message } = error as { code?: string; message: string };
  if (code.startsWith('HPE_')) return 'what listens there does not speak HTTP';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return otherNames(error as AltNameError);
  // OpenSSL's words are in the code or, of what is written, in the message alone.
  const words = `${code} ${message}`.toLowerCase().replaceAll('_', ' ');
  if (/wrong version number|packet length too long/.test(words))
    return 'what listens there does not speak TLS: http:// instead of https://?';
  if (/alert certificate required/.test(words))
    return 'it wants a client certificate (--cert-file, --key-file)';
  if (/alert (unknown ca|(bad|unsupported) certificate|certificate (expired|revoked|unknown))/.test(words))
    return 'it does not take the certificate that was shown (--cert-file)';
  if (code === 'ECONNRESET' && withCertificate)
    return 'the connection was cut, perhaps for the certificate that was shown (--cert-file)';
  return MEANINGS[code] ?? (message || code || String(error));
}

interface AltNameError {
  readonly host: string;
  readonly cert?: { readonly subjectaltname?: string };
}

function otherNames({ host, cert }: AltNameError): string {
  const names = cert?.subjectaltname ?? 'no name';
  return `its certificate is for ${names}, not for ${host}: use one of these in the address`;
}
