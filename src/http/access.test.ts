// What counts as loopback, and which token opens what.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessGuard } from './access.ts';
import type { Caller } from './caller.ts';
import type { ApiTokens } from '../lib/token.ts';
import { createHttpApp } from './http-app.ts';
import { isLoopbackAddress, isLoopbackHost } from './origin.ts';

test('loopback addresses are 127.0.0.0/8 and ::1, also when mapped', () => {
  for (const address of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1']) {
    assert.equal(isLoopbackAddress(address), true, address);
  }
  for (const address of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '::ffff:10.0.0.1', 'localhost', '']) {
    assert.equal(isLoopbackAddress(address), false, address);
  }
});

test('a Host header is local by name or address, with any port', () => {
  const local: string[] = [
    'localhost',
    'LOCALHOST:3000',
    'localhost.:80',
    'a.localhost',
    '127.0.0.1:3000',
    '127.1.2.3',
  ];
  for (const host of [...local, '[::1]', '[::1]:3000']) assert.equal(isLoopbackHost(host), true, host);
  const foreign: (string | undefined)[] = [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1:3000',
    '',
  ];
  for (const host of [...foreign, '[::]', '::1', '127.0.0.1@evil.example', 'localhost:80:80', undefined]) {
    assert.equal(isLoopbackHost(host), false, String(host));
  }
});

const READ = 'read-token';
const ADMIN = 'admin-token';

/** An application with a route of each kind, and one that nobody has decided about. */
function appWith(tokens: ApiTokens | null) {
  const callers: (string | null)[] = [];
  const guard = accessGuard({ tokens, clientCertificates: null, peers: new WeakMap() });
  const noteAccess = ({ caller }: { caller: Caller | null }) => callers.push(caller?.who ?? null);
  const { app } = createHttpApp({ error: () => {} }, { guard, noteAccess });
  for (const access of ['open', 'read', 'admin'] as const) {
    app.get(`/${access}`, { config: { access } }, () => 'ok');
  }
  app.get('/undecided', () => 'ok');
  const ask = async (url: string, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await app.inject({ url, headers });
    return response.statusCode === 200 ? 'ok' : `${response.statusCode} ${response.json().code}`;
  };
  return { ask, callers };
}

test('the read token opens what only looks, the admin token everything', async () => {
  const { ask, callers } = appWith({ read: () => READ, admin: () => ADMIN });
  const refused = '401 UNAUTHORIZED';
  const cases: [string, ...[string | undefined, string][]][] = [
    ['/open', [undefined, 'ok'], ['wrong', 'ok'], [READ, 'ok'], [ADMIN, 'ok']],
    ['/read', [undefined, refused], ['wrong', refused], [READ, 'ok'], [ADMIN, 'ok']],
    ['/admin', [undefined, refused], ['wrong', refused], [READ, '403 FORBIDDEN'], [ADMIN, 'ok']],
    ['/none', [undefined, refused], ['wrong', refused], [READ, '404 NOT_FOUND'], [ADMIN, '404 NOT_FOUND']],
  ];
  for (const [url, ...answers] of cases) {
    for (const [token, answer] of answers) assert.equal(await ask(url, token), answer, `${url} ${token}`);
  }
  assert.deepEqual(callers.slice(4, 12), [
    null,
    null,
    'read-token',
    'admin-token',
    null,
    null,
    null,
    'admin-token',
  ]);
});

test('a route that nobody has decided about is closed to everyone', async () => {
  const closed = '403 FORBIDDEN';
  const { ask } = appWith({ read: () => READ, admin: () => ADMIN });
  for (const token of [undefined, READ, ADMIN]) assert.equal(await ask('/undecided', token), closed);
  assert.equal(await appWith(null).ask('/undecided'), closed);
});

test('without an admin token nobody may do what needs it; without any, who is on this machine may', async () => {
  const readOnly = appWith({ read: () => READ, admin: null });
  assert.equal(await readOnly.ask('/admin', READ), '403 FORBIDDEN');
  const adminOnly = appWith({ read: null, admin: () => ADMIN });
  assert.equal(await adminOnly.ask('/read'), '401 UNAUTHORIZED');
  assert.equal(await adminOnly.ask('/read', ADMIN), 'ok');
  assert.equal(await appWith(null).ask('/admin'), 'ok');
});

test('tokens may change between requests, and one that became both opens no more than the read token', async () => {
  let admin = ADMIN;
  const { ask } = appWith({ read: () => READ, admin: () => admin });
  admin = 'new';
  assert.equal(await ask('/admin', ADMIN), '401 UNAUTHORIZED');
  assert.equal(await ask('/admin', 'new'), 'ok');
  admin = READ;
  assert.equal(await ask('/admin', READ), '403 FORBIDDEN');
});
