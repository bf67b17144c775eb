// Service accounts and TLS, over real connections.
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inClusterTarget } from './target.ts';
import { fakePod } from './kube-objects.fixture.ts';
import { inSync, openFake, openSource, until } from './kube-test.fixture.ts';
import { type Authority, makeAuthority, NO_OPENSSL, tempDirectory } from './tls.fixture.ts';

const needsOpenssl = { skip: NO_OPENSSL };
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A root with a service account. */
function accountAt(root: string, files: { readonly token?: string; readonly ca?: string }) {
  mkdirSync(join(root, ACCOUNT), { recursive: true });
  // Replaced in one step, as the kubelet does.
  const put = (name: string, text: string | undefined) => {
    if (text === undefined) return;
    writeFileSync(join(root, ACCOUNT, `${name}.new`), text);
    renameSync(join(root, ACCOUNT, `${name}.new`), join(root, ACCOUNT, name));
  };
  put('token', files.token);
  put('ca.crt', files.ca);
}

async function openCluster(t: TestContext, authority: Authority, names = 'IP:127.0.0.1') {
  const fake = await openFake(t, authority.issue('server', names));
  fake.cluster.put(fakePod('a'));
  const root = tempDirectory(t);
  const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: new URL(fake.url).port };
  return { fake, root, env };
}

test('a pod finds the API by its environment, its token and its authority', needsOpenssl, async (t) => {
  const authority = makeAuthority(t);
  const { fake, root, env } = await openCluster(t, authority);
  fake.tokens = new Set(['t1']);
  accountAt(root, { token: 't1\n', ca: authority.ca });
  const { source, sink } = openSource(t, fake, { target: inClusterTarget({ root, env }) });
  await until(() => inSync(fake, sink), 'the pod');
  assert.equal(source.status().endpoint, fake.url);
  assert.deepEqual([fake.counters.unauthorized, source.status().failures], [0, 0]);
});

test('a token that was rotated is used at once after a refusal', needsOpenssl, async (t) => {
  const authority = makeAuthority(t);
  const { fake, root, env } = await openCluster(t, authority);
  fake.tokens = new Set(['t1']);
  accountAt(root, { token: 't1', ca: authority.ca });
  const { source, sink } = openSource(t, fake, { target: inClusterTarget({ root, env }) });
  await until(() => fake.watching === 1, 'the watch');
  fake.tokens = new Set(['t2']);
  accountAt(root, { token: 't2' });
  fake.dropWatches();
  fake.cluster.put(fakePod('b'));
  await until(() => inSync(fake, sink), 'the new pod');
  assert.deepEqual([fake.counters.unauthorized, fake.counters.lists], [1, 1]);
  assert.equal(source.status().state, 'ok');
});

test('a token is read again after its time without any refusal', needsOpenssl, async (t) => {
  const authority = makeAuthority(t);
  const { fake, root, env } = await openCluster(t, authority);
  accountAt(root, { token: 't1', ca: authority.ca });
  openSource(t, fake, { target: inClusterTarget({ root, env, rereadMs: 20 }) });
  await until(() => fake.watching === 1, 'the watch');
  accountAt(root, { token: 't2' });
  await until(() => {
    fake.endWatches();
    return fake.authorizations.at(-1) === 'Bearer t2';
  }, 'the new token');
  assert.equal(fake.counters.unauthorized, 0);
});

test('a token that is refused is told, and a new one ends it', needsOpenssl, async (t) => {
  const authority = makeAuthority(t);
  const { fake, root, env } = await openCluster(t, authority);
  fake.tokens = new Set(['good']);
  accountAt(root, { token: 'secret-but-old', ca: authority.ca });
  const { source, sink } = openSource(t, fake, { target: inClusterTarget({ root, env }) });
  await until(() => source.status().state === 'unreachable', 'the failure');
  assert.match(source.status().reason!, /does not accept the credentials \(status 401\): Unauthorized/);
  assert.doesNotMatch(JSON.stringify(source.status()), /secret/);
  accountAt(root, { token: 'good' });
  await until(() => inSync(fake, sink), 'the pod');
});

test(
  'another authority than the server has is refused, until the right one is there',
  needsOpenssl,
  async (t) => {
    const [authority, other] = [makeAuthority(t), makeAuthority(t)];
    const { fake, root, env } = await openCluster(t, authority);
    accountAt(root, { token: 't', ca: other.ca });
    const { source, sink } = openSource(t, fake, {
      target: inClusterTarget({ root, env, rereadMs: 20 }),
    });
    await until(() => source.status().state === 'misconfigured', 'the failure');
    assert.match(
      source.status().reason!,
      /the certificate of https:\/\/127\.0\.0\.1:\d+ is not accepted: .*check the/,
    );
    assert.deepEqual([fake.requests.length, sink.replaces], [0, 0]);
    accountAt(root, { ca: authority.ca });
    await until(() => inSync(fake, sink), 'the pod');
  },
);

test('a certificate for another name is refused', needsOpenssl, async (t) => {
  const authority = makeAuthority(t);
  const { fake, root, env } = await openCluster(t, authority, 'DNS:elsewhere.example');
  accountAt(root, { token: 't', ca: authority.ca });
  const { source } = openSource(t, fake, { target: inClusterTarget({ root, env }) });
  await until(() => source.status().state === 'misconfigured', 'the failure');
  assert.match(source.status().reason!, /ERR_TLS_CERT_ALTNAME_INVALID/);
  assert.equal(fake.requests.length, 0);
});

test(
  'a service account that is missing or broken is said, and found once it is there',
  needsOpenssl,
  async (t) => {
    const authority = makeAuthority(t);
    const { fake, root, env } = await openCluster(t, authority);
    const { source, sink } = openSource(t, fake, {
      target: inClusterTarget({ root, env, rereadMs: 10 }),
    });
    const reason = async (pattern: RegExp) => {
      await until(
        () => pattern.test(source.status().reason ?? ''),
        `${pattern}, but ${source.status().reason}`,
      );
      assert.equal(source.status().state, 'misconfigured');
    };
    await reason(/the certificate authority at .*ca\.crt cannot be read: no such file/);
    accountAt(root, { ca: authority.ca });
    await reason(/the token at .*token cannot be read: no such file/);
    accountAt(root, { token: ' \n' });
    await reason(/the token in .* cannot be used: it is empty/);
    accountAt(root, { token: 'a\nInjected: header' });
    await reason(/the token in .* cannot be used: it is no single line/);
    accountAt(root, { token: 't', ca: '-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n' });
    await reason(/the certificate/);
    accountAt(root, { ca: authority.ca });
    await until(() => inSync(fake, sink), 'the pod');
    rmSync(join(root, dirname(ACCOUNT)), { recursive: true });
  },
);

test('outside a pod the reason names the variables; an IPv6 host is put in brackets', async () => {
  const outside = inClusterTarget({ env: {} });
  await assert.rejects(outside.access(), { state: 'misconfigured', message: /KUBERNETES_SERVICE_HOST/ });
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };
  assert.equal(inClusterTarget({ env }).endpoint, 'https://[fd00::1]:6443');
  const odd = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: 'tcp://10.0.0.1:443' };
  await assert.rejects(inClusterTarget({ env: odd }).access(), { state: 'misconfigured' });
});
