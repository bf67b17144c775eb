// The event stream over real sockets: nothing is missed untold, slow clients cost their queue, close ends it.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { eventSchema, gapSchema, problemSchema, streamReadySchema } from '../api/index.ts';
import type { AppliedEvent } from '../model/index.ts';
import { type ApiServerOptions, createApiServer } from './api-server.ts';
import { apply, exec, exit, FakeAgent, fork, podIdentity, streamSettings } from './fake-agent.fixture.ts';
import { openSilent, positionOf, readStream, type StreamReader, startReading } from './stream.fixture.ts';

interface Cleanup {
  after(end: () => Promise<void>): void;
}

const HOST = '127.0.0.1';
const identity = podIdentity('1234-abcd', 'e'.repeat(64));

async function start(t: Cleanup, options: Partial<ApiServerOptions> = {}) {
  const agent = new FakeAgent();
  const server = createApiServer({
    listen: { host: HOST, port: 0 },
    tokens: null,
    view: agent,
    log: { error: () => {} },
    streams: streamSettings,
    ...options,
  });
  t.after(() => server.close());
  const { url, port } = await server.listen();
  let seq = 0;
  /** Publishes so many exits as one batch. */
  const publish = (count: number) => {
    const batch: AppliedEvent[] = [];
    for (let made = 0; made < count; made++)
      batch.push(apply(exit({ pid: 100 + made }), ++seq, { identity }));
    agent.bus.publish(batch);
  };
  return { agent, server, url: `${url}/api/v1/events`, port, publish };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function eventually(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, 'not within ten seconds');
    await turn();
  }
}

/** What a reader was told: events received, and the sum of its gaps. */
function account(reader: StreamReader): { received: number; lost: number } {
  const lost = reader
    .named('gap')
    .reduce((sum, { data }) => sum + gapSchema.parse(JSON.parse(data)).lost!, 0);
  return { received: reader.named('exit').length, lost };
}

const accounted = (reader: StreamReader) => account(reader).received + account(reader).lost;

test('a client that was told it is ready gets every event from then on, in order, with id and type', async (t) => {
  const { agent, url } = await start(t);
  const reader = await readStream(url);
  streamReadySchema.strict().parse(JSON.parse(reader.messages[0]!.data));
  agent.bus.publish([apply(fork(), 1), apply(exec(), 2)]);
  agent.bus.publish([apply(exit(), 3)]);
  await reader.until(() => reader.messages.length === 4);
  assert.deepEqual(
    reader.messages.slice(1).map((message) => [positionOf(message), message.event]),
    [
      [1, 'fork'],
      [2, 'exec'],
      [3, 'exit'],
    ],
  );
  for (const message of reader.messages.slice(1)) {
    assert.equal(eventSchema.strict().parse(JSON.parse(message.data)).seq, positionOf(message));
  }
});

test('filters are applied by the server', async (t) => {
  const { agent, url } = await start(t);
  const reader = await readStream(`${url}?type=exit&pod=1234&uid=1000`);
  agent.bus.publish([
    apply(fork(), 1, { identity }),
    apply(exit(), 2),
    apply(exit({ uid: 0 }), 3, { identity }),
    apply(exit(), 4, { identity }),
  ]);
  await reader.until(() => reader.messages.length === 2);
  assert.equal(positionOf(reader.messages[1]!), 4);
});

test('a quiet stream has heartbeats', async (t) => {
  const { url } = await start(t, { streams: { ...streamSettings, heartbeatSeconds: 0.01 } });
  const reader = await readStream(url);
  await reader.until(() => reader.comments.length >= 2);
  assert.equal(reader.messages.length, 1);
});

test('a client that does not read costs its queue only, is told of the gap, and every event is accounted for', async (t) => {
  const queueBytes = 256 * 1024;
  const { server, port, publish } = await start(t, { streams: { ...streamSettings, queueBytes } });
  const socket = await openSilent(HOST, port, '/api/v1/events');
  await eventually(() => server.streams().clients === 1);
  let published = 0;
  let highest = 0;
  // The buffers of the kernel take some megabytes before anything is lost.
  while (server.streams().lost < 5000) {
    publish(500);
    published += 500;
    highest = Math.max(highest, server.streams().queuedBytes);
    await turn();
    highest = Math.max(highest, server.streams().queuedBytes);
  }
  assert.ok(highest <= queueBytes, `${highest} bytes were queued`);
  assert.ok(highest > 0);
  const { sent, lost } = server.streams();
  assert.equal(sent + lost, published);
  const reader = startReading(socket);
  await reader.until(() => accounted(reader) === published);
  assert.deepEqual(account(reader), { received: sent, lost });
  publish(3);
  await reader.until(() => accounted(reader) === published + 3);
  // Each gap stands where the events are missing: with it, the ids have no hole.
  let last = 0;
  for (const message of reader.messages) {
    const { event, data } = message;
    if (event === 'gap') last += gapSchema.strict().parse(JSON.parse(data)).lost!;
    else if (event === 'exit') assert.equal(positionOf(message), ++last);
  }
  assert.equal(last, published + 3);
  reader.close();
});

test('slow clients do not slow a fast one down, nor lose anything of its', async (t) => {
  const { server, port, url, publish } = await start(t, {
    streams: { ...streamSettings, queueBytes: 4 << 20 },
  });
  const slow = await Promise.all([1, 2, 3].map(() => openSilent(HOST, port, '/api/v1/events')));
  const fast = await readStream(url);
  await eventually(() => server.streams().clients === 4);
  for (let round = 1; round <= 60; round++) {
    publish(1000);
    await eventually(() => fast.messages.length > (round - 2) * 1000);
  }
  await fast.until(() => fast.named('exit').length === 60_000);
  assert.equal(fast.named('gap').length, 0);
  assert.ok(server.streams().lost > 0, 'the slow ones lost');
  assert.ok(server.streams().queuedBytes <= 3 * (4 << 20));
  for (const socket of slow) socket.destroy();
  fast.close();
  await eventually(() => server.streams().clients === 0);
});

test('more clients than allowed are refused, until one leaves', async (t) => {
  const { server, url } = await start(t, { streams: { ...streamSettings, maxClients: 1 } });
  const reader = await readStream(url);
  const refused = await fetch(url);
  assert.equal(refused.status, 503);
  assert.equal(problemSchema.parse(await refused.json()).code, 'STREAMS_UNAVAILABLE');
  reader.close();
  await eventually(() => server.streams().clients === 0);
  (await readStream(url)).close();
});

test('a client that is gone is forgotten, also with events under way', async (t) => {
  const { agent, server, port, publish } = await start(t);
  const socket = await openSilent(HOST, port, '/api/v1/events');
  await eventually(() => server.streams().clients === 1);
  while (server.streams().queuedBytes === 0) publish(500);
  socket.resetAndDestroy();
  publish(10);
  await eventually(() => server.streams().clients === 0);
  assert.equal(server.streams().queuedBytes, 0);
  await server.close();
  assert.equal(agent.bus.subscribers, 0);
});

test('a stream that is pipelined behind another request is refused, others behind a stream wait', async (t) => {
  const { server, port, publish } = await start(t, { closeTimeoutMs: 200 });
  const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const behind = connect(port, HOST);
  behind.write(request('/healthz') + request('/api/v1/events'));
  let answers = '';
  behind.setEncoding('utf8').on('data', (text) => {
    answers += text;
  });
  await eventually(() => answers.includes('BAD_REQUEST'));
  behind.destroy();
  const ahead = connect(port, HOST);
  ahead.write(request('/api/v1/events') + request('/healthz') + request('/healthz'));
  const reader = startReading(ahead);
  await eventually(() => server.streams().clients === 1);
  publish(2);
  await reader.until(() => reader.named('exit').length === 2);
  await server.close();
  assert.equal(reader.messages.length, 3);
});

test('bytes that a client sends after its request end its stream and put nothing into it', async (t) => {
  const { server, port, publish } = await start(t);
  const socket = await openSilent(HOST, port, '/api/v1/events');
  await eventually(() => server.streams().clients === 1);
  publish(5);
  socket.write('\u0000nonsense\r\n\r\n');
  const reader = startReading(socket);
  await reader.until(() => reader.ended);
  assert.equal(reader.named('exit').length, 5);
  assert.equal(reader.messages.length, 6);
  await eventually(() => server.streams().clients === 0);
});

test('close delivers what is queued and ends the streams', async (t) => {
  const { agent, server, url, publish } = await start(t);
  const reader = await readStream(url);
  publish(100);
  await server.close();
  await reader.until(() => reader.ended);
  assert.equal(reader.named('exit').length, 100);
  assert.equal(agent.bus.subscribers, 0);
  await assert.rejects(fetch(url));
});

test('close tells a gap that is still open, when the client reads on', async (t) => {
  const { server, port, publish } = await start(t, {
    streams: { ...streamSettings, queueBytes: 64 * 1024 },
    closeTimeoutMs: 10_000,
  });
  const socket = await openSilent(HOST, port, '/api/v1/events');
  await eventually(() => server.streams().clients === 1);
  let published = 0;
  while (server.streams().lost === 0) {
    publish(200);
    published += 200;
    await turn();
  }
  const closed = server.close();
  const reader = startReading(socket);
  await reader.until(() => reader.ended);
  await closed;
  assert.equal(accounted(reader), published);
});

test('close does not wait longer than its limit for a client that does not read', async (t) => {
  const { server, port, publish } = await start(t, { closeTimeoutMs: 100 });
  const socket = await openSilent(HOST, port, '/api/v1/events');
  socket.on('error', () => {});
  await eventually(() => server.streams().clients === 1);
  while (server.streams().lost === 0) {
    publish(500);
    await turn();
  }
  const before = performance.now();
  await server.close();
  const took = performance.now() - before;
  assert.ok(took >= 90 && took < 2_000, `${took} ms`);
  socket.destroy();
});
