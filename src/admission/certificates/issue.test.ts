import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { issueCertificate } from './issue.ts';
import { checkPair } from './pair.ts';

const DAY_MS = 86_400_000;
const NAMES = ['cognitod-admission.linnix-observability.svc', 'cognitod-admission.linnix-observability'];

test('a certificate is for its names, its time and serving alone, by an authority that signs nothing else', async () => {
  const now = Date.UTC(2030, 0, 1);
  const issued = await issueCertificate(NAMES, now, 90 * DAY_MS);
  const [leaf, authority] = [new X509Certificate(issued.cert), new X509Certificate(issued.ca)];
  assert.ok(leaf.verify(authority.publicKey) && leaf.checkIssued(authority));
  assert.ok(authority.ca && !leaf.ca);
  for (const name of NAMES) assert.equal(leaf.checkHost(name), name);
  assert.equal(leaf.checkHost('other.linnix-observability.svc'), undefined);
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  assert.equal(Date.parse(leaf.validTo), now + 90 * DAY_MS);
  assert.ok(Date.parse(leaf.validFrom) < now);
  assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.equal(checkPair(issued.cert, issued.key).notAfterMs, now + 90 * DAY_MS);
  assert.ok(!issued.ca.includes('PRIVATE'));
});

test('a key of another certificate is refused, and the message does not show it', async () => {
  const [one, other] = [await issueCertificate(NAMES, 0, DAY_MS), await issueCertificate(NAMES, 0, DAY_MS)];
  assert.throws(() => checkPair(one.cert, other.key), /^Error: the key does not belong to the certificate$/);
  assert.throws(() => checkPair(one.cert, 'secret'), /^Error: the key does not belong to the certificate$/);
  assert.throws(() => checkPair('nothing', one.key), /no PEM certificate/);
});
