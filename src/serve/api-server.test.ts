// The API listener: routes against the contract, tokens, and every way to ask wrongly.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { text as readText } from 'node:stream/consumers';
import {
  problemSchema,
  processPageSchema,
  processSchema,
  processTreeSchema,
  statusSchema,
} from '../api/index.ts';
import { type ApiServerOptions, createApiServer } from './api-server.ts';
import { FakeAgent, streamSettings } from './fake-agent.fixture.ts';

interface Cleanup {
  after(end: () => Promise<void>): void;
}

async function start(t: Cleanup, options: Partial<ApiServerOptions> = {}) {
  const agent = new FakeAgent();
  const logged: unknown[] = [];
  const server = createApiServer({
    listen: { host: '127.0.0.1', port: 0 },
    tokens: null,
    view: agent,
    log: { error: (_message, fields) => logged.push(fields) },
    streams: streamSettings,
    ...options,
  });
  t.after(() => server.close());
  const { url, port } = await server.listen();
  const ask = (path: string, init?: RequestInit) => fetch(`${url}${path}`, init);
  /** A request that must fail: its problem, checked against the contract and the response. */
  const refused = async (path: string, init?: RequestInit) => {
    const response = await ask(path, init);
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
    const document = problemSchema.strict().parse(await response.json());
    assert.equal(document.status, response.status);
    return { ...document, headers: response.headers };
  };
  return { agent, server, url, port, ask, refused, logged };
}

/** For headers that fetch does not let through. */
async function askRaw(port: number, path: string, headers: Record<string, string>, method = 'GET') {
  const request = httpRequest({ port, host: '127.0.0.1', path, headers, method, agent: false });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: await readText(response) };
}

/** Bytes as they are; the answer up to the end of the connection. */
async function sendBytes(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(bytes);
  return readText(socket);
}

test('status, health and readiness are the agent’s', async (t) => {
  const { agent, ask } = await start(t);
  statusSchema.strict().parse(await (await ask('/api/v1/status')).json());
  const instrumentation = { kernel_instrumentation: 'active', transport: 'tracepoint' };
  assert.deepEqual(await (await ask('/healthz')).json(), { status: 'ok', ...instrumentation });
  agent.ready = { ready: false, reasons: ['no BPF'] };
  const readiness = await ask('/readyz');
  assert.equal(readiness.status, 503);
  assert.deepEqual(await readiness.json(), {
    ready: false,
    reasons: ['no BPF'],
    ...instrumentation,
    btf_available: true,
    rss_probe: 'procfs',
    reason: 'no BPF',
  });
});

test('processes are answered as pages, alone, and as a tree', async (t) => {
  const { agent, ask } = await start(t);
  const { model } = agent;
  const parent = model.add();
  const child = model.addChild(parent);
  const page = processPageSchema.parse(await (await ask('/api/v1/processes?limit=1')).json());
  assert.equal(page.total, 2);
  const next = await ask(`/api/v1/processes?limit=1&cursor=${page.next_cursor}`);
  assert.deepEqual(
    processPageSchema.parse(await next.json()).processes.map(({ pid }) => pid),
    [child.pid],
  );
  for (const id of [String(child.pid), model.processIdOf(child)]) {
    const alone = processSchema.strict().parse(await (await ask(`/api/v1/processes/${id}`)).json());
    assert.equal(alone.pid, child.pid);
    assert.equal(alone.images?.length, 1);
    const tree = processTreeSchema.parse(await (await ask(`/api/v1/processes/${id}/tree`)).json());
    assert.deepEqual(
      tree.ancestors.map(({ pid }) => pid),
      [parent.pid],
    );
  }
});

test('a process that does not exist is a 404 problem', async (t) => {
  const { refused } = await start(t);
  for (const path of ['/api/v1/processes/4242', '/api/v1/processes/nonsense', '/api/v1/processes/1/tree']) {
    const { status, code } = await refused(path);
    assert.deepEqual([status, code], [404, 'NOT_FOUND']);
  }
});

test('wrong and unknown parameters are named, all at once', async (t) => {
  const { refused } = await start(t);
  const wrong = await refused('/api/v1/processes?uid=&limit=0&podd=x&state=zombie');
  assert.deepEqual([wrong.status, wrong.code], [400, 'BAD_REQUEST']);
  assert.match(wrong.detail, /uid: a whole number from 0 to 4294967295/);
  assert.match(wrong.detail, /limit: a whole number from 1 to 1000/);
  assert.match(wrong.detail, /state: one of running, exited, all/);
  assert.match(
    wrong.detail,
    /unknown parameter "podd"; known ones are pod, namespace, workload, container, executable, comm, uid/,
  );
  assert.match((await refused('/api/v1/events?type=fork,spawn')).detail, /^type: a comma-separated list/);
  assert.match((await refused('/api/v1/status?x=1')).detail, /unknown parameter "x"; this route has none/);
  assert.match((await refused('/api/v1/processes?comm=a&comm=b')).detail, /^comm: .* given once/);
  assert.match((await refused('/api/v1/processes?cursor=1')).detail, /^cursor: /);
});

test('unknown routes are 404, other methods on known routes 405 with what is allowed', async (t) => {
  const { refused } = await start(t);
  for (const path of [
    '/index.html',
    '/api/v1',
    '/api/v1/process',
    '/api/v1/status/',
    '/metrics/prometheus',
  ]) {
    assert.equal((await refused(path)).status, 404, path);
  }
  assert.equal((await refused('/nowhere', { method: 'POST', body: 'x' })).status, 404);
  for (const path of ['/api/v1/status', '/api/v1/processes/1/tree?x=1', '/api/v1/events', '/healthz']) {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const body = method === 'OPTIONS' ? null : '{"a":1';
      const { status, code, headers } = await refused(path, { method, body });
      assert.deepEqual([status, code], [405, 'METHOD_NOT_ALLOWED'], `${method} ${path}`);
      assert.equal(headers.get('allow'), 'GET, HEAD');
    }
  }
});

test('a route that acts answers POST only, wants nothing in the body, and tells what else its path answers', async (t) => {
  const { ask, refused, agent } = await start(t);
  const post = { method: 'POST' };
  for (const headers of [{}, { 'content-length': '0' }])
    assert.equal((await ask('/api/v1/self-test', { ...post, headers })).status, 200);
  assert.equal(agent.selfTests, 2);
  const json = { 'content-type': 'application/json' };
  const text = { 'content-type': 'text/plain' };
  const { detail, status } = await refused('/api/v1/self-test', { ...post, headers: json, body: '{"a":1}' });
  assert.deepEqual([status, detail], [400, 'this route takes no body']);
  assert.equal((await refused('/api/v1/self-test', { ...post, headers: text, body: 'a' })).status, 400);
  const large = JSON.stringify('a'.repeat(2_000));
  assert.equal((await refused('/api/v1/self-test', { ...post, headers: json, body: large })).status, 413);
  assert.equal((await refused('/api/v1/self-test?x=1', post)).status, 400);
  assert.equal(
    (await refused('/api/v1/self-test', { method: 'PUT' })).headers.get('allow'),
    'GET, HEAD, POST',
  );
  for (const method of ['GET', 'HEAD'])
    assert.equal((await ask('/api/v1/self-test', { method })).status, 200);
  assert.equal(agent.selfTests, 2, 'nothing but a right POST starts a process');
});

test('HEAD answers like GET without a body, also for the stream, which it does not open', async (t) => {
  const { ask, server } = await start(t);
  for (const path of ['/api/v1/status', '/api/v1/processes', '/api/v1/events', '/healthz']) {
    const response = await ask(path, { method: 'HEAD' });
    assert.equal(response.status, 200, path);
    assert.equal(await response.text(), '');
  }
  assert.equal((await ask('/api/v1/events?x=1', { method: 'HEAD' })).status, 400);
  assert.equal(server.streams().clients, 0);
});

test('requests that are not HTTP or not a URL get a problem too', async (t) => {
  const { port, refused, ask } = await start(t);
  assert.equal((await refused('/api/v1/processes/%zz')).status, 400);
  assert.equal((await refused(`/api/v1/processes/${'9'.repeat(2000)}`)).status, 414);
  const cases: [string, RegExp][] = [
    ['nonsense\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    [`GET / HTTP/1.1\r\nHost: localhost\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
  ];
  for (const [bytes, expected] of cases) {
    const answer = await sendBytes(port, bytes);
    assert.match(answer, expected);
    assert.doesNotMatch(answer, /at .*\.(ts|js)/);
  }
  assert.match(await sendBytes(port, 'nonsense\r\n\r\n'), /"code":"BAD_REQUEST"/);
  assert.equal((await ask('/healthz')).status, 200, 'the server goes on');
});

test('a bug answers 500 without saying more, and the log has it', async (t) => {
  const { agent, refused, logged } = await start(t);
  agent.status = () => {
    throw new Error('secret path /root/x');
  };
  const document = await refused('/api/v1/status');
  assert.deepEqual([document.status, document.code], [500, 'INTERNAL']);
  assert.doesNotMatch(JSON.stringify(document), /secret|stack/);
  assert.match((logged[0] as { error: string }).error, /secret path[\s\S]*at /);
  assert.equal((logged[0] as { route: string }).route, 'GET /api/v1/status');
});

test('with a token everything but the probes needs it', async (t) => {
  const { ask, refused, port } = await start(t, { tokens: { read: () => 's3cret', admin: null } });
  const withToken = (authorization: string) => ({ headers: { authorization } });
  for (const path of [
    '/api/v1/status',
    '/api/v1/processes',
    '/api/v1/events',
    '/nowhere',
    '/api/v1/processes/1',
  ]) {
    const { status, code, headers } = await refused(path);
    assert.deepEqual([status, code], [401, 'UNAUTHORIZED'], path);
    assert.equal(headers.get('www-authenticate'), 'Bearer realm="cognitod"');
  }
  for (const wrong of [
    'Bearer s3cre',
    'Bearer s3cret2',
    'Bearer ',
    's3cret',
    'Basic s3cret',
    'Bearer a s3cret',
  ]) {
    assert.equal((await refused('/api/v1/status', withToken(wrong))).status, 401, wrong);
  }
  assert.equal((await refused('/api/v1/status', { method: 'POST' })).status, 401, 'before the method counts');
  assert.equal((await ask('/api/v1/status', withToken('Bearer s3cret'))).status, 200);
  assert.equal((await ask('/api/v1/status', withToken('bearer  s3cret'))).status, 200);
  assert.equal((await ask('/healthz')).status, 200);
  assert.equal((await ask('/readyz')).status, 200);
  const anyHost = await askRaw(port, '/api/v1/status', { host: 'node-7', authorization: 'Bearer s3cret' });
  assert.equal(anyHost.status, 200);
});

test('without a token a request under a foreign name is refused', async (t) => {
  const { port } = await start(t);
  const { status, body } = await askRaw(port, '/api/v1/processes', { host: 'rebound.example:3000' });
  assert.equal(status, 403);
  assert.equal(problemSchema.parse(JSON.parse(body)).code, 'HOST_REFUSED');
  assert.equal((await askRaw(port, '/healthz', { host: 'rebound.example' })).status, 403);
  for (const host of ['localhost:3000', '127.0.0.1', '[::1]:9']) {
    assert.equal((await askRaw(port, '/api/v1/processes', { host })).status, 200, host);
  }
  assert.match(await sendBytes(port, 'GET /api/v1/status HTTP/1.0\r\n\r\n'), /^HTTP\/1\.[01] 403 /);
});

test('answers are not for caches, and not for guessing their type', async (t) => {
  const { ask } = await start(t);
  const { headers } = await ask('/api/v1/status');
  assert.equal(headers.get('cache-control'), 'no-store');
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.match(headers.get('content-type')!, /^application\/json/);
  assert.equal(headers.get('access-control-allow-origin'), null);
});

test('close lets an answer that is under way reach a client that reads slowly', async (t) => {
  const { agent, server, port } = await start(t, { closeTimeoutMs: 10_000 });
  const root = agent.model.add();
  for (let made = 0; made < 9_999; made++) agent.model.addChild(root);
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.write(`GET /api/v1/processes/${root.pid}/tree HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await once(socket, 'readable');
  const closed = server.close();
  const [head, body] = (await readText(socket)).split('\r\n\r\n', 2);
  assert.equal(Number(/content-length: (\d+)/i.exec(head!)?.[1]), Buffer.byteLength(body!));
  await closed;
});

test('each request is a line for the access log, and the token is in none', async (t) => {
  const lines: string[] = [];
  const { ask } = await start(t, {
    tokens: { read: () => 'super-secret', admin: null },
    logAccess: (line) => lines.push(line),
  });
  await (await ask('/api/v1/processes?limit=1&token=super-secret')).text();
  const headers = { authorization: 'Bearer super-secret' };
  await (await ask('/api/v1/status', { headers })).text();
  await (await ask('/super-secret', { headers })).text();
  while (lines.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(
    lines.map((line) => {
      const { who, route, query, status } = JSON.parse(line.slice('access '.length));
      return [who, route, query, status];
    }),
    [
      ['refused', '/api/v1/processes', ['limit', 'token'], 401],
      ['read-token', '/api/v1/status', [], 200],
      ['read-token', 'none', [], 404],
    ],
  );
  assert.doesNotMatch(lines.join(), /super-secret/);
});
