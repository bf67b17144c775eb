// A client that comes back gets what it missed, or is told exactly how much it did.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gapSchema } from '../../api/index.ts';
import { createApiServer } from '../api-server.ts';
import { apply, exit, FakeAgent, streamSettings } from '../fake-agent.fixture.ts';
import { openSilent, positionOf, readStream, type StreamReader, startReading } from '../stream.fixture.ts';

interface Cleanup {
  after(end: () => Promise<void>): void;
}

async function start(t: Cleanup, streams: Partial<typeof streamSettings> = {}) {
  const agent = new FakeAgent();
  const server = createApiServer({
    listen: { host: '127.0.0.1', port: 0 },
    tokens: null,
    view: agent,
    log: { error: () => {} },
    streams: { ...streamSettings, ...streams },
    closeTimeoutMs: 200,
  });
  t.after(() => server.close());
  const { url, port } = await server.listen();
  let seq = 0;
  /** Every tenth event is of the user 7. */
  const publish = (count: number) =>
    agent.bus.publish(
      Array.from({ length: count }, () => apply(exit({ uid: ++seq % 10 === 0 ? 7 : 0 }), seq)),
    );
  const resume = (id: string, query = '') =>
    readStream(`${url}/api/v1/events${query}`, { 'last-event-id': id });
  return { agent, server, publish, resume, port, url: `${url}/api/v1/events` };
}

const positions = (reader: StreamReader) => reader.named('exit').map(positionOf);
const gaps = (reader: StreamReader) =>
  reader.named('gap').map(({ data }) => {
    const { lost, reason } = gapSchema.strict().parse(JSON.parse(data));
    return [lost, reason];
  });
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** The id that a reader was given last. */
const lastId = (reader: StreamReader) => reader.messages.findLast(({ id }) => id !== undefined)!.id!;

test('a client that comes back gets what it missed and what follows, once and in order', async (t) => {
  const { publish, resume, url } = await start(t);
  const first = await readStream(url);
  publish(30);
  await first.until(() => positions(first).length === 30);
  const id = lastId(first);
  first.close();
  publish(200);
  const second = await resume(id);
  publish(20);
  await second.until(() => positions(second).length === 220);
  publish(1);
  await second.until(() => positions(second).length === 221);
  assert.deepEqual(positions(second), range(31, 251));
  assert.deepEqual(gaps(second), []);
});

test('the first record has an id, so that a client without any event can come back', async (t) => {
  const { publish, resume, url } = await start(t);
  const first = await readStream(`${url}?comm=nobody`);
  publish(5);
  const second = await resume(lastId(first));
  await second.until(() => positions(second).length === 5);
  assert.deepEqual(positions(second), range(1, 5));
});

test('events that are no longer kept are a gap with their exact number, before those that are', async (t) => {
  const { publish, resume, url, server } = await start(t, { replayEvents: 100 });
  const first = await readStream(url);
  const id = lastId(first);
  publish(1000);
  const second = await resume(id);
  await second.until(() => positions(second).length === 100);
  assert.deepEqual(gaps(second), [[900, 'buffer-expired']]);
  assert.equal(second.messages[1]?.event, 'gap');
  assert.deepEqual(positions(second), range(901, 1000));
  assert.equal(server.streams().expired, 900);
  const third = await resume(second.messages[1]!.id!);
  await third.until(() => positions(third).length === 100);
  assert.deepEqual(gaps(third), [], 'the gap has an id of its own: it is not told again');
});

test('events that went by while nobody listened are counted too', async (t) => {
  const { agent, publish, resume, url } = await start(t);
  const first = await readStream(url);
  publish(3);
  await first.until(() => positions(first).length === 3);
  const id = lastId(first);
  agent.bus.passed(503);
  const second = await resume(id);
  await second.until(() => gaps(second).length === 1);
  assert.deepEqual(gaps(second), [[500, 'buffer-expired']]);
});

test('the filter is applied to what is replayed, and what it leaves out is not lost', async (t) => {
  const { publish, resume, url } = await start(t);
  const first = await readStream(url);
  const id = lastId(first);
  publish(100);
  const second = await resume(id, '?uid=7');
  publish(10);
  await second.until(() => positions(second).length === 11);
  assert.deepEqual(
    positions(second),
    range(1, 11).map((tenth) => tenth * 10),
  );
  assert.deepEqual(gaps(second), []);
});

test('an id of another run, and what is no id, is a gap of unknown size, and then everything that is kept', async (t) => {
  const { publish, resume, url } = await start(t);
  const first = await readStream(url);
  publish(10);
  await first.until(() => positions(first).length === 10);
  const ahead = lastId(first).replace(/\d+$/, '11');
  for (const id of ['00000000-3', ahead, '7', 'x'.repeat(500), `${lastId(first)}-1`]) {
    const second = await resume(id);
    await second.until(() => positions(second).length === 10);
    assert.deepEqual(gaps(second), [[null, 'other-run']], id);
    second.close();
  }
});

test('a heartbeat moves a client on whose filter lets nothing through', async (t) => {
  const { publish, url } = await start(t, { heartbeatSeconds: 0.01 });
  const reader = await readStream(`${url}?comm=nobody`);
  publish(50);
  await reader.until(() => reader.ids.some((id) => positionOf({ id }) === 50));
  assert.equal(reader.messages.length, 1);
});

test('a client that comes back and reads slowly gets everything that is kept long enough, at its own pace', async (t) => {
  const { publish, url, port, server } = await start(t, { replayEvents: 50_000, replayBytes: 1 << 26 });
  const first = await readStream(url);
  const id = lastId(first);
  publish(20_000);
  await first.until(() => positions(first).length + sumOf(first) === 20_000);
  const slow = await openSilent('127.0.0.1', port, '/api/v1/events', { 'last-event-id': id });
  while (server.streams().clients < 2) await turn();
  let highest = 0;
  for (let round = 0; round < 50; round++) {
    await turn();
    highest = Math.max(highest, server.streams().queuedBytes);
  }
  assert.ok(
    highest < 1 << 18,
    `${highest} bytes were queued: the replay waits for the client, not in its queue`,
  );
  publish(1000);
  const reader = startReading(slow);
  await reader.until(() => positions(reader).length === 21_000);
  assert.deepEqual(positions(reader), range(1, 21_000));
  assert.deepEqual(gaps(reader), []);
});

test('what a client has not yet been given again when the agent ends is a gap', async (t) => {
  const { publish, url, port, server } = await start(t, { replayEvents: 50_000, replayBytes: 1 << 26 });
  const first = await readStream(url);
  const id = lastId(first);
  publish(20_000);
  const slow = await openSilent('127.0.0.1', port, '/api/v1/events', { 'last-event-id': id });
  while (server.streams().clients < 2) await turn();
  for (let round = 0; round < 50; round++) await turn();
  const closed = server.close();
  const reader = startReading(slow);
  await reader.until(() => reader.ended);
  await closed;
  assert.equal(positions(reader).length + sumOf(reader), 20_000);
});

const turn = () => new Promise((resolve) => setImmediate(resolve));
const sumOf = (reader: StreamReader) => gaps(reader).reduce((sum, [lost]) => sum + Number(lost), 0);

test('a new client gets what is kept since a time, then what happens, and is told what may be missing', async (t) => {
  const { publish, url } = await start(t, { replayEvents: 100 });
  const since = (time: string, rest = '') => readStream(`${url}?since=2023-11-14T22:13:${time}Z${rest}`);
  const early = await since('20');
  assert.deepEqual(gaps(early), [[null, 'buffer-expired']]);
  publish(30);
  // All are 6.000000123 s after the beginning of the fake's clock.
  const whole = await since('26.000000123', '&uid=7');
  publish(10);
  await whole.until(() => positions(whole).length === 4);
  assert.deepEqual(positions(whole), [10, 20, 30, 40]);
  assert.deepEqual(gaps(whole), []);
  const before = await since('20', '&until=2023-11-14T22:13:25Z');
  publish(10);
  await early.until(() => positions(early).length === 50);
  assert.deepEqual(positions(early), range(1, 50));
  assert.deepEqual(gaps(before), [[null, 'buffer-expired']]);
  assert.deepEqual(positions(before), []);
});
