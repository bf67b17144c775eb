// TLS on real sockets: certificates of clients, and certificates of the agent that change while it serves.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { type Authority, makeAuthority, NO_OPENSSL, tempDirectory } from '../identity/kube/tls.fixture.ts';
import { accessGuard } from '../http/access.ts';
import { type ApiServerOptions, createApiServer } from './api-server.ts';
import { FakeAgent, streamSettings } from './fake-agent.fixture.ts';
import { createHttpApp } from '../http/http-app.ts';
import { readTls, type TlsMaterial, TlsWatcher } from '../http/tls-files.ts';

const skip = NO_OPENSSL;
const quiet = { info: () => {}, warn: () => {} };

function serve(t: TestContext, options: Partial<ApiServerOptions>) {
  const server = createApiServer({
    listen: { host: '127.0.0.1', port: 0 },
    tokens: null,
    view: new FakeAgent(),
    log: { error: () => {} },
    streams: streamSettings,
    ...options,
  });
  t.after(() => server.close());
  return server;
}

async function ask(url: string, options: RequestOptions = {}) {
  const request = httpsRequest(url, { agent: false, ...options });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

/** The common name of the certificate that a new connection is shown. */
async function nameShown(port: number, ca: string): Promise<string> {
  const socket: TLSSocket = connect({ port, host: '127.0.0.1', ca });
  await once(socket, 'secureConnect');
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

test('a certificate of a client is its name: it may look, and those that are named may do everything', {
  skip,
}, async (t) => {
  const authority = makeAuthority(t);
  const stranger = makeAuthority(t).issue('reader', 'DNS:reader');
  const own = authority.issue('agent', 'IP:127.0.0.1');
  const { certFile, keyFile } = own;
  const material = readTls({ certFile, keyFile, clientCaFile: authority.caFile });
  const whos: (string | null)[] = [];
  const tokens = { read: () => 'reading', admin: null };
  const guard = accessGuard({
    tokens,
    clientCertificates: { adminNames: ['operator', 'spiffe://cluster/admin'] },
    peers: new WeakMap(),
  });
  const { app, close } = createHttpApp(
    { error: () => {} },
    { tls: material, guard, noteAccess: ({ caller }) => whos.push(caller?.who ?? null) },
  );
  t.after(() => close(100));
  for (const access of ['read', 'admin'] as const) app.get(`/${access}`, { config: { access } }, () => 'ok');
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const status = async (path: string, client?: { cert: string; key: string }, headers = {}) =>
    (await ask(url + path, { ca: authority.ca, headers, ...(client ?? {}) })).status;
  const reader = authority.issue('reader', 'DNS:reader');
  const operator = authority.issue('operator', 'DNS:whatever');
  const spiffe = authority.issue('workload', 'URI:spiffe://cluster/admin');
  assert.deepEqual([await status('/read', reader), await status('/admin', reader)], [200, 403]);
  assert.deepEqual([await status('/admin', operator), await status('/admin', spiffe)], [200, 200]);
  assert.equal(await status('/read', stranger), 401, 'of another authority, whatever its name');
  assert.equal(await status('/read'), 401);
  assert.equal(await status('/read', undefined, { authorization: 'Bearer reading' }), 200);
  assert.deepEqual(whos.slice(0, 6), [
    'client-cert reader',
    null,
    'client-cert operator',
    'client-cert spiffe://cluster/admin',
    null,
    null,
  ]);
});

test('the API is https with HSTS; with authorities of clients it may listen anywhere, but is open to nobody', {
  skip,
}, async (t) => {
  const authority = makeAuthority(t);
  const { certFile, keyFile } = authority.issue('agent', 'IP:127.0.0.1');
  const files = { certFile, keyFile, clientCaFile: authority.caFile };
  const { url } = await serve(t, {
    listen: { host: '0.0.0.0', port: 0 },
    tls: { files, adminNames: [], ...quiet },
  }).listen();
  const local = url.replace('0.0.0.0', '127.0.0.1');
  assert.match(local, /^https:/);
  const { ca } = authority;
  assert.equal((await ask(`${local}/api/v1/status`, { ca })).status, 401);
  const { headers, status } = await ask(`${local}/healthz`, { ca });
  assert.equal(status, 200);
  assert.match(String(headers['strict-transport-security']), /max-age=\d{8}/);
  const { cert, key } = authority.issue('reader', 'DNS:reader');
  assert.equal((await ask(`${local}/api/v1/status`, { ca, cert, key })).status, 200);
  const stream = httpsRequest(`${local}/api/v1/events`, { ca, cert, key, agent: false }).end();
  const [response] = (await once(stream, 'response')) as [IncomingMessage];
  assert.match(String((await once(response, 'data'))[0]), /event: ready/);
  stream.destroy();
});

/** A directory as the kubelet makes one for a Secret: files are links through `..data`. */
function secretVolume(t: TestContext) {
  const root = tempDirectory(t);
  let version = 0;
  const put = (files: Readonly<Record<string, string>>) => {
    const name = `..version_${++version}`;
    mkdirSync(join(root, name));
    for (const [file, content] of Object.entries(files)) writeFileSync(join(root, name, file), content);
    symlinkSync(name, join(root, '..data_tmp'));
    renameSync(join(root, '..data_tmp'), join(root, '..data'));
  };
  const link = (...files: string[]) => {
    for (const file of files) symlinkSync(join('..data', file), join(root, file));
  };
  return { root, put, link };
}

test('a Secret that is swapped gives new connections the new certificate, and one that is broken changes nothing', {
  skip,
}, async (t) => {
  const authority = makeAuthority(t);
  const [first, second] = [
    authority.issue('first', 'IP:127.0.0.1'),
    authority.issue('second', 'IP:127.0.0.1'),
  ];
  const { root, put, link } = secretVolume(t);
  put({ 'tls.crt': first.cert, 'tls.key': first.key });
  link('tls.crt', 'tls.key');
  const files = { certFile: join(root, 'tls.crt'), keyFile: join(root, 'tls.key'), clientCaFile: null };
  const { app, close } = createHttpApp({ error: () => {} }, { tls: readTls(files) });
  t.after(() => close(100));
  app.get('/', () => 'ok');
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as { port: number };
  const told: string[] = [];
  const use = (material: TlsMaterial) =>
    (app.server as unknown as { setSecureContext(options: object): void }).setSecureContext(material);
  const warn = (message: string) => told.push(message);
  const watcher = new TlsWatcher({ files, use, info: () => {}, warn }, readTls(files));
  const { ca } = authority;
  watcher.look();
  assert.equal(await nameShown(port, ca), 'first');
  put({ 'tls.crt': second.cert, 'tls.key': second.key });
  watcher.look();
  assert.equal(await nameShown(port, ca), 'second');
  assert.deepEqual([watcher.stats().reloads, watcher.stats().failures], [1, 0]);
  assert.ok(Math.abs(watcher.stats().notAfterSeconds - Date.now() / 1000 - 2 * 86_400) < 600);

  put({ 'tls.crt': first.cert, 'tls.key': second.key });
  watcher.look();
  watcher.look();
  put({ 'tls.crt': 'nonsense', 'tls.key': second.key });
  watcher.look();
  unlinkSync(join(root, '..data'));
  watcher.look();
  assert.equal(await nameShown(port, ca), 'second');
  assert.equal(watcher.stats().failures, 3, 'each problem once');
  assert.equal(told.length, 3);
  for (const message of told) assert.match(message, /the certificate before stays in use$/);
  assert.doesNotMatch(told.join(), /PRIVATE KEY/);
  put({ 'tls.crt': first.cert, 'tls.key': first.key });
  watcher.look();
  assert.equal(await nameShown(port, ca), 'first');
});

test('a certificate that cannot be used stops the start, in words', { skip }, async (t) => {
  const authority: Authority = makeAuthority(t);
  const { certFile, keyFile } = authority.issue('agent', 'IP:127.0.0.1');
  const other = authority.issue('other', 'IP:127.0.0.1');
  const broken = join(tempDirectory(t), 'broken');
  copyFileSync(keyFile, broken);
  const cases: [Partial<Parameters<typeof readTls>[0]>, RegExp][] = [
    [{ certFile: '/nonexistent/tls.crt' }, /\/nonexistent\/tls.crt cannot be read/],
    [{ keyFile: other.keyFile }, /do not make a listener/],
    [{ certFile: broken }, /do not make a listener/],
    [{ clientCaFile: broken }, /do not make a listener/],
  ];
  for (const [files, expected] of cases) {
    assert.throws(() => readTls({ certFile, keyFile, clientCaFile: null, ...files }), expected);
  }
});
