// Kubeconfig files with anything in them: each is read, or refused with a reason that names the file.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { KubeFailure } from './kube-failure.ts';
import { kubeconfigTarget } from './kubeconfig.ts';
import { tempDirectory } from './tls.fixture.ts';

const SECRET = 'hunter2';
const KEYS = [
  ...['server', 'proxy-url', 'tls-server-name', 'insecure-skip-tls-verify', 'certificate-authority'],
  ...['certificate-authority-data', 'client-certificate', 'client-certificate-data', 'client-key'],
  ...['client-key-data', 'token', 'tokenFile', 'exec', 'auth-provider', 'username', 'password', 'as'],
  ...['as-groups', 'as-user-extra', 'toString', 'valueOf', '__proto__', 'constructor', 'length'],
];
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.dictionary(fc.constantFrom(...KEYS), fc.constantFrom(null, 1, 'x'), { maxKeys: 3 }),
);
const value = fc.oneof(odd, fc.constantFrom(null, '', 'https://k8s.example:6443', 'http://[', 'a\0b'));
const secret = fc.constantFrom(SECRET, `${SECRET} ${SECRET}`, '');
const credentials = fc.record({ token: secret, 'client-key-data': secret }, { requiredKeys: [] });
const fields = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 1 }),
    credentials,
    fc.oneof(
      { weight: 8, arbitrary: fc.constant('https://k8s.example:6443') },
      { weight: 1, arbitrary: value },
    ),
  )
  .map(([others, secrets, server]) => ({ ...others, ...secrets, server }));
const name = fc.oneof({ weight: 20, arbitrary: fc.constant('a') }, { weight: 1, arbitrary: odd });
const named = (inner: string) =>
  fc.oneof(
    { weight: 8, arbitrary: fc.array(fc.record({ name, [inner]: fields }), { minLength: 1, maxLength: 2 }) },
    { weight: 1, arbitrary: value },
  );
const kubeconfig = fc.record({
  'current-context': name,
  contexts: fc.array(fc.record({ name, context: fc.record({ cluster: name, user: name }) }), {
    minLength: 1,
    maxLength: 2,
  }),
  clusters: named('cluster'),
  users: named('user'),
});

test('no YAML makes the reader fail with anything but a reason, and none shows a credential', async (t) => {
  const path = join(tempDirectory(t), 'config');
  const seen = { read: 0, refused: 0 };
  const check = async (text: string) => {
    writeFileSync(path, text);
    try {
      const { url, token } = await kubeconfigTarget({ path }).access();
      assert.match(url.protocol, /^https?:$/);
      assert.ok(token === null || /^[\x21-\x7e]+$/.test(token));
      seen.read++;
    } catch (error) {
      assert.ok(error instanceof KubeFailure, `${(error as Error).stack}`);
      assert.equal(error.state, 'misconfigured');
      assert.doesNotMatch(error.message, new RegExp(SECRET));
      seen.refused++;
    }
  };
  await fc.assert(
    fc.asyncProperty(kubeconfig, (config) => check(JSON.stringify(config))),
    { numRuns: 1500, seed: 20_261_201 },
  );
  await fc.assert(fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 80 }), check), {
    numRuns: 500,
    seed: 20_261_201,
    examples: [
      ['&a [*a]'],
      ['a: &a {b: *a}'],
      ['? {}\n: x'],
      ['!!js/function x'],
      ['%YAML 9\n---\na'],
      ['<<: 1'],
    ],
  });
  assert.ok(seen.read > 50 && seen.refused > 50, JSON.stringify(seen));
});
