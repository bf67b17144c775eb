// The API on a Unix socket: its file, and who is who.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { accessGuard } from '../http/access.ts';
import { type ApiServerOptions, createApiServer } from './api-server.ts';
import { FakeAgent, streamSettings } from './fake-agent.fixture.ts';
import { createHttpApp } from '../http/http-app.ts';

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'cognitod-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

function serve(t: TestContext, socket: string, options: Partial<ApiServerOptions> = {}) {
  const server = createApiServer({
    listen: { host: '127.0.0.1', port: 0 },
    tokens: null,
    view: new FakeAgent(),
    log: { error: () => {} },
    streams: streamSettings,
    socket,
    ...options,
  });
  t.after(() => server.close());
  return server;
}

async function ask(socketPath: string, path: string, headers: Record<string, string> = {}) {
  const request = httpRequest({ socketPath, path, headers, agent: false });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
}

test('the agent’s own user needs no token and no host name; the file is for user and group, and goes at the end', async (t) => {
  const path = join(directory(t), 'api.sock');
  const lines: string[] = [];
  const server = serve(t, path, {
    tokens: { read: () => 'secret', admin: null },
    logAccess: (line) => lines.push(line),
  });
  const { url } = await server.listen();
  assert.equal((await fetch(`${url}/api/v1/status`)).status, 401);
  assert.equal(lstatSync(path).mode & 0o777, 0o660);
  assert.equal((await ask(path, '/api/v1/status', { host: 'anything.example' })).status, 200);
  assert.equal((await ask(path, '/none')).status, 404);
  await server.close();
  assert.equal(existsSync(path), false);
  const mine = `uid ${process.getuid!()}`;
  const records = lines.map((line) => JSON.parse(line.slice('access '.length)));
  assert.deepEqual(
    records.map(({ who, peer, status }) => [who, peer, status]),
    [
      ['refused', '127.0.0.1', 401],
      [mine, 'unix', 200],
      [mine, 'unix', 404],
    ],
  );
});

test('others that may connect may look, and with the admin token do everything', async () => {
  let uid = 1000;
  const tokens = { read: () => 'reading', admin: () => 'everything' };
  const peers = { get: () => ({ pid: 1, uid, gid: 1000 }) };
  const guard = accessGuard({ tokens, clientCertificates: null, peers });
  const whos: unknown[] = [];
  const { app } = createHttpApp(
    { error: () => {} },
    { guard, noteAccess: ({ caller }) => whos.push(caller?.who ?? null) },
  );
  for (const access of ['read', 'admin'] as const) app.get(`/${access}`, { config: { access } }, () => 'ok');
  const status = async (url: string, token?: string) =>
    (await app.inject({ url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } }))
      .statusCode;
  assert.equal(await status('/read'), 200);
  assert.equal(await status('/admin'), 403);
  assert.equal(await status('/admin', 'everything'), 200);
  assert.equal(await status('/read', 'wrong'), 401);
  uid = 0;
  assert.equal(await status('/admin'), 200);
  assert.equal(await status('/admin', 'reading'), 200, 'a token takes nothing away');
  assert.deepEqual(whos, ['uid 1000', null, 'admin-token', null, 'uid 0', 'uid 0']);
});

test('a socket that nobody answers is replaced; one that is answered, or is a file, is not', async (t) => {
  const folder = directory(t);
  const stale = join(folder, 'stale.sock');
  const script = `require('net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.equal(existsSync(stale), true);
  await serve(t, stale).listen();
  assert.equal((await ask(stale, '/healthz')).status, 200);

  await assert.rejects(serve(t, stale).listen(), /LISTEN_FAILED|another program answers there/);
  assert.equal((await ask(stale, '/healthz')).status, 200, 'the first goes on');
  const file = join(folder, 'file');
  writeFileSync(file, 'precious');
  await assert.rejects(serve(t, file).listen(), /no socket, which is not removed/);
  await assert.rejects(serve(t, join(folder, 'none', 's')).listen(), /cannot listen on .*none/);
});
