// The bounded queue of one subscriber, on a socket that takes as much as the test says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gapSchema } from '../api/index.ts';
import { StreamClient } from './stream-client.ts';

class FakeSocket {
  readonly written: string[] = [];
  #pending: { bytes: number; flushed: () => void }[] = [];
  writableLength = 0;

  write(chunk: Buffer | string, flushed: () => void): void {
    const bytes = Buffer.byteLength(chunk);
    this.written.push(chunk.toString());
    this.writableLength += bytes;
    this.#pending.push({ bytes, flushed });
  }

  /** The kernel takes one write. */
  flushOne(): void {
    const { bytes, flushed } = this.#pending.shift()!;
    this.writableLength -= bytes;
    flushed();
  }

  flushAll(): void {
    while (this.#pending.length > 0) this.flushOne();
  }
}

function setUp(queueBytes: number) {
  const socket = new FakeSocket();
  const totals = { sent: 0, lost: 0 };
  const client = new StreamClient(socket, queueBytes, totals, () => 'now');
  socket.flushAll();
  return { socket, totals, client };
}

const chunk = (bytes: number) => Buffer.alloc(bytes, 'x');
const gapIn = (text: string | undefined) => {
  const match = /^event: gap\ndata: (.*)\n\n$/.exec(text ?? '');
  return match === null ? null : gapSchema.parse(JSON.parse(match[1]!)).lost;
};

test('a client is told that it is subscribed before anything else', () => {
  const { socket } = setUp(1000);
  assert.match(
    socket.written[0]!,
    /^event: ready\ndata: \{"schema_version":1,"type":"ready","time":"now"\}\n\n$/,
  );
});

test('what does not fit is counted, and one gap stands in its place when half of the queue is free', () => {
  const { socket, totals, client } = setUp(1000);
  client.offer(chunk(400), 4);
  client.offer(chunk(400), 4);
  client.offer(chunk(400), 5);
  client.offer(chunk(100), 1);
  assert.equal(client.taking, false, 'a small chunk does not slip past a larger one that was lost');
  assert.equal(client.queuedBytes, 800);
  socket.flushOne();
  assert.equal(gapIn(socket.written.at(-1)), 6);
  assert.equal(client.taking, true);
  client.offer(chunk(100), 2);
  assert.deepEqual(totals, { sent: 10, lost: 6 });
});

test('the queue is never above its size', () => {
  const { socket, client } = setUp(1000);
  for (let round = 0; round < 50; round++) {
    client.offer(chunk(90), 1);
    assert.ok(client.queuedBytes <= 1000);
    if (round % 7 === 0) socket.flushOne();
  }
});

test('an event that is larger than the queue gets through when nothing waits', () => {
  const { totals, client } = setUp(1000);
  client.offer(chunk(5000), 1);
  client.offer(chunk(10), 1);
  assert.deepEqual(totals, { sent: 1, lost: 1 });
});

test('a gap that is open at the end is told before the stream ends', () => {
  const { socket, client } = setUp(1000);
  client.offer(chunk(900), 1);
  client.offer(chunk(900), 3);
  client.finish();
  assert.equal(gapIn(socket.written.at(-1)), 3);
  client.finish();
  assert.equal(socket.written.length, 3);
});

test('heartbeats are sent only to a client that got nothing since the last one', () => {
  const { socket, client } = setUp(1000);
  client.heartbeat();
  assert.equal(socket.written.length, 1, 'the ready record counts');
  client.heartbeat();
  assert.equal(socket.written.at(-1), ': heartbeat\n\n');
  socket.flushAll();
  client.heartbeat();
  client.offer(chunk(100), 1);
  client.heartbeat();
  const comments = () => socket.written.filter((text) => text.startsWith(':')).length;
  assert.equal(comments(), 2);
  client.heartbeat();
  assert.equal(comments(), 2, 'nothing is added while something waits');
});
