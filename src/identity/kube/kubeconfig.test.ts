// Kubeconfig files in their forms, and those that are refused.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { fakePod } from './kube-objects.fixture.ts';
import { inSync, openFake, openSource, until } from './kube-test.fixture.ts';
import { kubeconfigTarget } from './kubeconfig.ts';
import { makeAuthority, NO_OPENSSL, tempDirectory } from './tls.fixture.ts';

interface Parts {
  readonly cluster?: Record<string, unknown>;
  readonly user?: Record<string, unknown>;
  readonly root?: Record<string, unknown>;
}

const SERVER = 'https://k8s.example:6443';

function configOf({ cluster, user, root }: Parts): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [
      { name: 'other', context: { cluster: 'nope', user: 'nope' } },
      { name: 'here', context: { cluster: 'c', user: 'u' } },
    ],
    clusters: [{ name: 'c', cluster: { server: SERVER, ...cluster } }],
    users: [{ name: 'u', user: user ?? {} }],
    ...root,
  });
}

function fileWith(t: TestContext, content: string | Parts): string {
  const path = join(tempDirectory(t), 'config');
  writeFileSync(path, typeof content === 'string' ? content : configOf(content));
  return path;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

test('a token, a file with a token and data in the file are read', async (t) => {
  const directory = tempDirectory(t);
  for (const [name, text] of [
    ['tok', 'from-file\n'],
    ['ca', 'CA'],
    ['cert', 'CERT'],
    ['key', 'KEY'],
  ] as const) {
    writeFileSync(join(directory, name), text);
  }
  const path = join(directory, 'config');
  const access = async (parts: Parts) => {
    writeFileSync(path, configOf(parts));
    return kubeconfigTarget({ path }).access();
  };
  assert.equal((await access({ user: { token: 'inline' } })).token, 'inline');
  assert.equal(
    (await access({ user: { token: 'inline', tokenFile: join(directory, 'tok') } })).token,
    'from-file',
  );
  const inFiles = await access({
    cluster: { 'certificate-authority': 'ca', 'tls-server-name': 'kubernetes' },
    user: { 'client-certificate': 'cert', 'client-key': join(directory, 'key') },
  });
  const tls = { ca: 'CA', cert: 'CERT', key: 'KEY', serverName: 'kubernetes', verify: true };
  assert.deepEqual([inFiles.url.href, inFiles.token, inFiles.tls], [`${SERVER}/`, null, tls]);
  const inData = await access({
    cluster: { 'certificate-authority': 'nope', 'certificate-authority-data': base64('CA') },
    user: { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') },
  });
  assert.deepEqual(inData.tls, { ...tls, serverName: null });
  assert.equal((await access({ cluster: { 'insecure-skip-tls-verify': true } })).tls.verify, false);
});

test('a context can be chosen, and has to exist with its parts', async (t) => {
  const path = fileWith(t, {});
  await kubeconfigTarget({ path, context: 'here' }).access();
  for (const [context, message] of [
    ['other', /clusters has no nope/],
    ['x', /contexts has no x/],
  ] as const) {
    await assert.rejects(kubeconfigTarget({ path, context }).access(), {
      state: 'misconfigured',
      message,
    });
  }
});

test('a key that is null or empty is not set, as kubectl has it', async (t) => {
  const user = [
    'exec',
    'auth-provider',
    'username',
    'password',
    'as',
    'as-uid',
    'as-groups',
    'as-user-extra',
  ];
  const files = [
    'tokenFile',
    'client-certificate',
    'client-certificate-data',
    'client-key',
    'client-key-data',
  ];
  const cluster = ['proxy-url', 'tls-server-name', 'certificate-authority', 'certificate-authority-data'];
  const tls = { ca: null, cert: null, key: null, serverName: null, verify: true };
  const access = async (parts: Parts) => await kubeconfigTarget({ path: fileWith(t, parts) }).access();
  for (const nothing of [null, '']) {
    for (const key of [...user, ...files]) {
      const { token } = await access({ user: { token: 'abc', [key]: nothing } });
      assert.equal(token, 'abc', `${key}: ${JSON.stringify(nothing)}`);
    }
    for (const key of [...cluster, 'insecure-skip-tls-verify'])
      assert.deepEqual((await access({ cluster: { [key]: nothing } })).tls, tls, key);
    assert.equal((await access({ user: { token: nothing } })).token, null);
    for (const name of ['', null]) {
      const contexts = [{ name: 'here', context: { cluster: 'c', user: name } }];
      assert.equal((await access({ user: { token: 'abc' }, root: { contexts } })).token, null);
    }
  }
  for (const empty of [[], {}])
    assert.equal((await access({ user: { token: 'abc', 'as-groups': empty } })).token, 'abc');
  assert.equal((await access({ user: { token: 'abc', 'as-user-extra': {} } })).token, 'abc');
});

test('what would run programs, or change who asks whom, is refused with the reason', async (t) => {
  for (const [parts, message] of [
    [{ user: { exec: { command: 'aws' } } }, /exec plugins are not run; use a token/],
    [{ user: { 'auth-provider': { name: 'gcp' } } }, /auth-provider plugins are not run/],
    [{ user: { username: 'a', password: 'hunter2' } }, /takes passwords/],
    [{ user: { as: 'admin' } }, /impersonation/],
    [{ user: { 'as-groups': ['admins'] } }, /impersonation/],
    [{ user: { 'as-uid': '0' } }, /impersonation/],
    [{ user: { 'as-user-extra': { scopes: ['x'] } } }, /impersonation/],
    [{ user: { password: 'hunter2' } }, /takes passwords/],
    [{ user: { exec: {} } }, /exec plugins are not run/],
    [{ user: { 'auth-provider': {} } }, /auth-provider plugins are not run/],
    [{ cluster: { 'proxy-url': 'http://p:1' } }, /proxies/],
    [{ cluster: { 'proxy-url': false } }, /proxies/],
    [{ cluster: { server: 'k8s.example' } }, /no server like/],
    [{ cluster: { server: 'https://u:hunter2@k8s.example' } }, /holds a password/],
    [{ user: { 'client-certificate-data': base64('x') } }, /belong together/],
    [{ user: { token: 'two words hunter2' } }, /no single line of visible characters/],
    [{ root: { 'current-context': '' } }, /no current-context/],
    [{ root: { users: 3 } }, /users has no u/],
    ['a: [hunter2', /is no YAML: /],
    ['', /no current-context/],
    ['- 1', /no current-context/],
  ] as const) {
    const path = fileWith(t, parts);
    await assert.rejects(kubeconfigTarget({ path }).access(), (error: Error & { state: string }) => {
      assert.equal(error.state, 'misconfigured');
      assert.match(error.message, message);
      assert.ok(error.message.includes(path));
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
  }
  await assert.rejects(kubeconfigTarget({ path: '/nope/config' }).access(), /cannot be read: no such file/);
});

test('a file that is put right is used without a restart; the address is shown without credentials', async (t) => {
  const fake = await openFake(t);
  fake.tokens = new Set(['secret']);
  fake.cluster.put(fakePod('a'));
  const path = fileWith(t, 'nothing: here');
  const connection = kubeconfigTarget({ path, rereadMs: 10 });
  const { source, sink } = openSource(t, fake, { target: connection });
  await until(() => source.status().state === 'misconfigured', 'the failure');
  assert.equal(source.status().endpoint, `as in ${path}`);
  writeFileSync(path, configOf({ cluster: { server: fake.url }, user: { token: 'secret' } }));
  await until(() => inSync(fake, sink), 'the pod');
  assert.equal(source.status().endpoint, fake.url);
});

test('a server behind a path is asked below it', async (t) => {
  const fake = await openFake(t);
  const path = fileWith(t, { cluster: { server: `${fake.url}/k8s/c-1/` } });
  openSource(t, fake, { target: kubeconfigTarget({ path }) });
  await until(() => fake.requests.length > 0, 'a request');
  assert.equal(fake.requests[0]!.pathname, '/k8s/c-1/api/v1/pods');
});

test('a client certificate is shown to the server', { skip: NO_OPENSSL }, async (t) => {
  const authority = makeAuthority(t);
  const client = authority.issue('agent', 'DNS:agent');
  const server = authority.issue('server', 'DNS:kubernetes');
  const fake = await openFake(t, {
    ...server,
    ca: authority.ca,
    requestCert: true,
    rejectUnauthorized: true,
  });
  fake.cluster.put(fakePod('a'));
  const cluster = {
    server: fake.url,
    'certificate-authority': authority.caFile,
    'tls-server-name': 'kubernetes',
  };
  const user = { 'client-certificate': client.certFile, 'client-key-data': base64(client.key) };
  const { sink } = openSource(t, fake, {
    target: kubeconfigTarget({ path: fileWith(t, { cluster, user }) }),
  });
  await until(() => inSync(fake, sink), 'the pod');
  const without = openSource(t, fake, {
    target: kubeconfigTarget({ path: fileWith(t, { cluster }) }),
  });
  await until(() => without.source.status().failures > 1, 'the failure');
  assert.equal(without.sink.replaces, 0);
});

test('a server is taken as it is only when the file says so', { skip: NO_OPENSSL }, async (t) => {
  const fake = await openFake(t, makeAuthority(t).issue('server', 'IP:127.0.0.1'));
  fake.cluster.put(fakePod('a'));
  const open = (cluster: Record<string, unknown>) =>
    openSource(t, fake, {
      target: kubeconfigTarget({ path: fileWith(t, { cluster: { server: fake.url, ...cluster } }) }),
    });
  const careful = open({});
  const careless = open({ 'insecure-skip-tls-verify': true });
  await until(() => inSync(fake, careless.sink), 'the pod');
  await until(() => careful.source.status().state === 'misconfigured', 'the failure');
  assert.equal(careful.sink.replaces, 0);
});
