import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { keyIdOf } from '../lib/hash-chain.ts';
import { ChainFile } from './chain-file.ts';
import { ownSigningKey, readSigningKey } from './signing-key.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cognitod-key-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const HASH = 'ab'.repeat(32);

test('a key is made once, readable by its owner alone, and signs what its public half verifies', () => {
  const first = ownSigningKey(directory);
  assert.deepEqual(readdirSync(directory), ['evidence.key']);
  assert.equal(statSync(join(directory, 'evidence.key')).mode & 0o777, 0o600);
  const again = ownSigningKey(directory);
  assert.equal(again.keyId, first.keyId);
  const publicKey = createPublicKey(first.publicKey);
  assert.equal(keyIdOf(publicKey), first.keyId);
  assert.ok(verify(null, Buffer.from(HASH), publicKey, Buffer.from(again.sign(HASH), 'hex')));
});

test('openssl verifies the signature too', () => {
  const key = ownSigningKey(directory);
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const args = ['-pubin', '-inkey', file('pub', key.publicKey), '-rawin', '-in', file('hash', HASH)];
  const signature = file('signature', Buffer.from(key.sign(HASH), 'hex'));
  const said = execFileSync('openssl', ['pkeyutl', '-verify', ...args, '-sigfile', signature], {
    encoding: 'utf8',
  });
  assert.match(said, /Signature Verified Successfully/);
});

test('a key of another kind, a torn file and none are said with the file and what to do', () => {
  const file = join(directory, 'given.pem');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  for (const [content, reason] of [
    [privateKey.export({ type: 'pkcs8', format: 'pem' }), /it is rsa, not ed25519/],
    ['-----BEGIN PRIVATE KEY-----\nMC4CAQ', /given\.pem cannot sign/],
    ['', /given\.pem cannot sign/],
  ] as const) {
    writeFileSync(file, content);
    assert.throws(() => readSigningKey(file), { code: 'EVIDENCE_KEY', message: reason });
  }
  assert.throws(() => readSigningKey(join(directory, 'none')), { code: 'EVIDENCE_KEY', message: /ENOENT/ });
});

test('a key that cannot be used leaves the records to the next agent', () => {
  writeFileSync(join(directory, 'evidence.key'), 'torn');
  assert.throws(() => new ChainFile(directory, 10, () => ownSigningKey(directory)), { code: 'EVIDENCE_KEY' });
  assert.equal(readFileSync(join(directory, 'evidence.key'), 'utf8'), 'torn', 'it is not overwritten');
  rmSync(join(directory, 'evidence.key'));
  new ChainFile(directory, 10, () => ownSigningKey(directory)).close();
});
