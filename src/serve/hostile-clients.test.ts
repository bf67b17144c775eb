// Two thousand connections that do everything but behave: probes and clients that do are answered all the same.
import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { createApiServer } from './api-server.ts';
import { FakeAgent, metricsSource, streamSettings } from './fake-agent.fixture.ts';
import { createMetrics } from './metrics/metrics.ts';
import { createOpsServer } from '../http/ops-server.ts';

const HOSTILE = 2_000;
const LOOPBACK = { host: '127.0.0.1', port: 0 };
const log = { error() {} };

/** What a hostile client sends at once; then it stays, or resets the connection. */
const WAYS: readonly ((path: string) => { readonly sends: string; readonly resets?: boolean })[] = [
  () => ({ sends: '' }),
  (path) => ({ sends: `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Slow: ` }),
  (path) => ({ sends: `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf` }),
  // Asks much, and reads nothing.
  (path) => ({ sends: `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(50) }),
  (path) => ({ sends: `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, resets: true }),
];

/** Opens them all, and another for each that was cut, until it is called. */
function attack(t: TestContext, port: number, path: string): { opened(): number; end(): void } {
  const sockets = new Set<Socket>();
  let opened = 0;
  let over = false;
  const open = () => {
    if (over) return;
    const { sends, resets = false } = WAYS[opened++ % WAYS.length]!(path);
    const socket = connect(port, '127.0.0.1', () => {
      socket.pause();
      socket.write(sends, () => {
        if (resets) socket.resetAndDestroy();
      });
    });
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      // Not at once: the test is about the agent, not about how fast this machine opens sockets.
      setTimeout(open, 50).unref();
    });
  };
  for (let count = 0; count < HOSTILE; count++) open();
  const end = () => {
    over = true;
    for (const socket of sockets) socket.destroy();
  };
  t.after(end);
  return { opened: () => opened, end };
}

/** The status of an answer that was read whole. Each on a connection of its own, as probes are. */
function ask(port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, agent: new Agent() }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!));
      response.on('error', reject);
    });
    request.setTimeout(10_000, () => request.destroy(new Error(`${path}: no answer in 10 s`)));
    request.on('error', reject);
  });
}

test('probes and metrics are answered under attack', async (t) => {
  const metrics = createMetrics(metricsSource());
  const server = createOpsServer({ listen: LOOPBACK, view: new FakeAgent(), metrics, log });
  const { port } = await server.listen();
  t.after(() => server.close());
  const hostile = attack(t, port, '/metrics');
  for (let round = 0; round < 40; round++) {
    assert.equal(await ask(port, '/healthz'), 200, `round ${round}, ${hostile.opened()} opened`);
    assert.equal(await ask(port, '/readyz'), 200);
  }
  assert.equal(await ask(port, '/metrics'), 200);
  assert.ok(hostile.opened() >= HOSTILE);
  assert.ok(server.connectionsCut() > 0);
});

test('clients of the API that behave are answered under attack, and a stream that stands is not cut', async (t) => {
  const view = new FakeAgent();
  const server = createApiServer({ listen: LOOPBACK, tokens: null, view, log, streams: streamSettings });
  const { port } = await server.listen();
  t.after(() => server.close());
  const stream = connect(port, '127.0.0.1');
  t.after(() => stream.destroy());
  let ended = false;
  stream.on('close', () => {
    ended = true;
  });
  stream.write('GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => stream.once('data', resolve));
  const hostile = attack(t, port, '/api/v1/processes');
  for (let round = 0; round < 40; round++) {
    assert.equal(await ask(port, '/healthz'), 200, `round ${round}, ${hostile.opened()} opened`);
    assert.equal(await ask(port, '/api/v1/processes'), 200);
  }
  assert.ok(hostile.opened() >= HOSTILE);
  assert.ok(server.connectionsCut() > 0);
  assert.equal(ended, false);
});
