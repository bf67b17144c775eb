import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describe } from './connection-words.ts';

const failed = (code: string, message = '') => Object.assign(new Error(message), { code });

test('what TLS says of certificates is said in words, wherever OpenSSL puts it', () => {
  const refused = 'it does not take the certificate that was shown (--cert-file)';
  for (const alert of ['UNKNOWN_CA', 'CERTIFICATE_UNKNOWN', 'CERTIFICATE_EXPIRED', 'CERTIFICATE_REVOKED'])
    assert.equal(describe(failed(`ERR_SSL_TLSV1_ALERT_${alert}`)), refused);
  assert.equal(describe(failed('ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE')), refused);
  assert.equal(describe(failed('EPROTO', 'write EPROTO 40:error:…:tlsv1 alert unknown ca:…')), refused);
  const wanted = /^it wants a client certificate/;
  assert.match(describe(failed('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')), wanted);
  const plain = /^what listens there does not speak TLS/;
  assert.match(describe(failed('EPROTO', 'write EPROTO …:wrong version number:…')), plain);
  assert.match(describe(failed('CERT_HAS_EXPIRED')), /has expired$/);
});

test('a connection that is cut is blamed on the certificate only where one was shown', () => {
  assert.equal(describe(failed('ECONNRESET')), 'the connection was cut');
  assert.match(describe(failed('ECONNRESET'), true), /perhaps for the certificate/);
});

test('what nobody has words for keeps its own', () => {
  assert.equal(describe(failed('EODD', 'odd')), 'odd');
  assert.equal(describe(failed('EODD')), 'EODD');
});
