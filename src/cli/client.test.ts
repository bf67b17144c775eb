// What the client makes of agents that refuse, fail, are silent, or are none.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { RequestListener } from 'node:http';
import { test } from 'node:test';
import { routes } from '../api/index.ts';
import { ERROR_CODES } from '../lib/errors.ts';
import { ApiClient } from './client.ts';
import { fakeAgent, run, sampleStatus, sendJson, sendProblem } from './fake-agent.fixture.ts';

interface Fault {
  readonly what: string;
  readonly answer: RequestListener;
  readonly code: number;
  readonly says: RegExp;
}

const FAULTS: readonly Fault[] = [
  {
    what: '401',
    answer: (_request, response) =>
      sendProblem(response, 401, 'UNAUTHORIZED', 'the request carries no valid token'),
    code: 5,
    says: /refuses: the request carries no valid token\n.*--token-file FILE, or COGNITOD_TOKEN/,
  },
  {
    what: '403',
    answer: (_request, response) => sendProblem(response, 403, 'HOST_REFUSED', 'not a name of mine'),
    code: 5,
    says: /refuses: not a name of mine\n.*--api http:\/\/127/,
  },
  {
    what: '400',
    answer: (_request, response) => sendProblem(response, 400, 'BAD_REQUEST', 'uid: a whole number'),
    code: 2,
    says: /does not take the request: uid: a whole number/,
  },
  {
    what: '500 with a problem document',
    answer: (_request, response) => sendProblem(response, 500, 'INTERNAL', 'the agent failed to answer'),
    code: 1,
    says: /answers with an error \(500\): the agent failed to answer/,
  },
  {
    what: 'a problem with a code of the future',
    answer: (_request, response) => sendProblem(response, 507, 'OUT_OF_LUCK', 'no'),
    code: 1,
    says: /answers with an error \(507\): no/,
  },
  {
    what: 'a problem whose code is a property of every object',
    answer: (_request, response) => sendProblem(response, 500, 'toString', 'no'),
    code: 1,
    says: /answers with an error \(500\): no/,
  },
  {
    what: '500 of somebody else',
    answer: (_request, response) => response.writeHead(500).end('oops'),
    code: 4,
    says: /is not a cognitod agent that this client knows: it answers with status 500\n.*--api/,
  },
  {
    what: '404 of somebody else',
    answer: (_request, response) =>
      response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>no</h1>'),
    code: 4,
    says: /it does not know the route/,
  },
  {
    what: 'a listener of an agent without the route',
    answer: (_request, response) => sendProblem(response, 404, 'NOT_FOUND', 'there is no such route'),
    code: 4,
    says: /is not a cognitod agent that this client knows: it does not know the route \/api\/v1\/status\n.*--api/,
  },
  {
    what: 'a redirect',
    answer: (_request, response) => response.writeHead(302, { location: '/login' }).end(),
    code: 4,
    says: /it answers with status 302/,
  },
  {
    what: 'HTML',
    answer: (_request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    code: 4,
    says: /its answer is not JSON/,
  },
  {
    what: 'JSON of somebody else',
    answer: (_request, response) => sendJson(response, 200, { hello: 'world' }),
    code: 4,
    says: /its answer has another form than expected/,
  },
  {
    what: 'JSON that is no object',
    answer: (_request, response) => sendJson(response, 200, 'null'),
    code: 4,
    says: /its answer has another form than expected/,
  },
  {
    what: 'a newer agent',
    answer: (_request, response) => sendJson(response, 200, { ...sampleStatus(), schema_version: 2 }),
    code: 4,
    says: /answers with schema version 2, this client knows 1\n.*use the cognitod that the agent is/,
  },
  {
    what: 'an answer that is cut',
    answer: (_request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"schema_version":1,');
      setTimeout(() => response.socket!.destroy(), 20);
    },
    code: 4,
    says: /does not answer: the connection was cut/,
  },
];

for (const { what, answer, code, says } of FAULTS) {
  test(`${what}: exit code ${code}, and words that say what to do`, async (t) => {
    const { api } = await fakeAgent(t, answer);
    const ran = await run(['status', '--api', api]);
    assert.equal(ran.code, code);
    assert.equal(ran.stdout, '');
    assert.match(ran.stderr, says);
    assert.ok(ran.stderr.startsWith('cognitod: '));
    const { stderr } = await run(['status', '--json', '--api', api]);
    const { error } = JSON.parse(stderr);
    assert.deepEqual(Object.keys(error), ['code', 'message', 'hint']);
    assert.ok(Object.hasOwn(ERROR_CODES, error.code), error.code);
  });
}

test('TLS where there is none is exit code 4, in words', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) => response.end());
  const { code, stderr } = await run(['status', '--api', api.replace('http:', 'https:')]);
  assert.equal(code, 4);
  assert.match(
    stderr,
    /does not answer: what listens there does not speak TLS: http:\/\/ instead of https:\/\/\?\ncognitod: .*--api/,
  );
});

test('a port where nobody listens is exit code 4, and the hint says how to start an agent', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  for (const command of ['status', 'ps', 'tree', 'stream']) {
    const { code, stderr } = await run([command, '--api', `127.0.0.1:${port}`]);
    assert.equal(code, 4);
    assert.match(stderr, /does not answer: connection refused\ncognitod: start it \(\.\/cognitod agent\)/);
  }
});

test('what does not speak HTTP is told apart', async (t) => {
  const server = createServer((socket) => socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.2\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { code, stderr } = await run([
    'status',
    '--api',
    `127.0.0.1:${(server.address() as AddressInfo).port}`,
  ]);
  assert.equal(code, 4);
  assert.match(stderr, /what listens there does not speak HTTP/);
});

test('an agent that is silent, before or within its answer, is given up', async (t) => {
  const silent = await fakeAgent(t, () => {});
  const stuck = await fakeAgent(t, (_request, response) => {
    response.writeHead(200);
    response.write('{');
  });
  const ask = (api: string) => new ApiClient({ api: new URL(api), token: null }, 100).get(routes.status);
  await assert.rejects(ask(silent.api), { code: 'API_UNREACHABLE', message: /no answer within 0\.1 s/ });
  await assert.rejects(ask(stuck.api), { code: 'API_UNREACHABLE', message: /stopped in the middle/ });
});

test('a stream may be silent for as long as it likes', async (t) => {
  const { api } = await fakeAgent(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    setTimeout(() => response.end('data: x\n\n'), 400);
  });
  const response = await new ApiClient({ api: new URL(api), token: null }, 100).openStream(
    { ...routes.events, path: '/' },
    {},
  );
  let text = '';
  for await (const chunk of response) text += chunk;
  assert.equal(text, 'data: x\n\n');
});

test('a document keeps fields that this client does not know, and every digit', async (t) => {
  const text = JSON.stringify({ ...sampleStatus(), new_field: 1 }).replace(
    '"pid":100',
    '"pid":100,"big":18446744073709551615',
  );
  const { api } = await fakeAgent(t, (_request, response) => sendJson(response, 200, text));
  const { stdout } = await run(['status', '--json', '--api', api]);
  assert.equal(stdout, `${text}\n`);
});

test('the path of a proxy stands before the routes, and credentials are not shown', async (t) => {
  const { api, requests } = await fakeAgent(t, (_request, response) => response.writeHead(500).end());
  const { stderr } = await run(['status', '--api', `${api.replace('//', '//user:secret@')}/node-1/`]);
  assert.equal(requests[0]!.url, '/node-1/api/v1/status');
  assert.match(stderr, /\/node-1 is not a cognitod agent/);
  assert.ok(!stderr.includes('secret'));
});
