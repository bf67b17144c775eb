// Pages of other origins get nothing, whatever their browser holds; every answer carries the strict headers.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { accessGuard } from './access.ts';
import type { WaysIn } from './caller.ts';
import { createApiServer } from '../serve/api-server.ts';
import { FakeAgent, streamSettings } from '../serve/fake-agent.fixture.ts';
import { createHttpApp } from './http-app.ts';
import { readStream } from '../serve/stream.fixture.ts';

function appWith(tokens: WaysIn['tokens']) {
  const guard = accessGuard({ tokens, clientCertificates: null, peers: new WeakMap() });
  const { app } = createHttpApp({ error: () => {} }, { guard });
  app.get('/read', { config: { access: 'read' } }, () => 'ok');
  app.get('/open', { config: { access: 'open' } }, () => 'ok');
  return async (url: string, headers: Record<string, string>) => {
    const response = await app.inject({ url, headers });
    return response.statusCode === 200 ? 'ok' : response.json().code;
  };
}

const token = { authorization: 'Bearer secret' };
const OWN: Record<string, string>[] = [
  {},
  { origin: 'http://agent.example:3000' },
  { origin: 'https://agent.example:3000' },
  { origin: 'http://AGENT.example:3000', 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' },
  { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' },
  { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
];
const FOREIGN: Record<string, string>[] = [
  { origin: 'http://evil.example' },
  { origin: 'http://agent.example' },
  { origin: 'http://agent.example:3001' },
  { origin: 'null' },
  { origin: '' },
  { origin: 'file://agent.example:3000' },
  { origin: 'http://agent.example:3000/x' },
  { origin: 'http://agent.example:3000', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' },
  { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
  { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' },
];

test('with a token too, requests of other pages are refused', async () => {
  const ask = appWith({ read: () => 'secret', admin: null });
  const host = 'agent.example:3000';
  for (const headers of OWN)
    assert.equal(await ask('/read', { ...token, host, ...headers }), 'ok', JSON.stringify(headers));
  for (const headers of FOREIGN) {
    for (const url of ['/read', '/open', '/none'])
      assert.equal(await ask(url, { ...token, host, ...headers }), 'ORIGIN_REFUSED', JSON.stringify(headers));
  }
  const plain = { ...token, host: 'agent.example', origin: 'http://agent.example:80' };
  assert.equal(await ask('/read', plain), 'ok', 'the port of the scheme may be left out');
});

test('without a token a page under another name of this machine is refused as well', async () => {
  const ask = appWith(null);
  assert.equal(await ask('/read', { host: 'localhost:3000', origin: 'http://localhost:3000' }), 'ok');
  assert.equal(
    await ask('/read', { host: 'localhost:3000', origin: 'http://localhost:8080' }),
    'ORIGIN_REFUSED',
  );
  assert.equal(await ask('/read', { host: 'evil.example', origin: 'http://evil.example' }), 'HOST_REFUSED');
});

test('every answer has the strict headers: documents, problems, streams, what is no HTTP', async (t) => {
  const server = createApiServer({
    listen: { host: '127.0.0.1', port: 0 },
    tokens: null,
    view: new FakeAgent(),
    log: { error: () => {} },
    streams: streamSettings,
  });
  t.after(() => server.close());
  const { url, port } = await server.listen();
  const strict = /default-src 'none'.*frame-ancestors 'none'/;
  for (const path of [
    '/api/v1/status',
    '/none',
    '/api/v1/processes/%zz',
    '/api/v1/events?x=1',
    '/healthz',
    '/docs',
  ]) {
    const { headers } = await fetch(url + path);
    assert.match(headers.get('content-security-policy') ?? '', strict, path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(headers.get('referrer-policy'), 'no-referrer', path);
    assert.equal(headers.get('cross-origin-resource-policy'), 'same-origin', path);
    assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin', path);
    assert.equal(headers.get('strict-transport-security'), null, path);
  }
  const reader = await readStream(`${url}/api/v1/events`);
  assert.match(String(reader.headers['content-security-policy']), strict);
  reader.close();
  const socket = connect(port, '127.0.0.1');
  socket.end('nonsense\r\n\r\n');
  assert.match(await text(socket), strict);
});
