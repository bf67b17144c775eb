// The bounded queue of one subscriber, on a socket that takes as much as the test says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gapSchema } from '../api/index.ts';
import { StreamClient, type StreamTotals } from './stream-client.ts';

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
  let turns = 0;
  const totals: StreamTotals = { sent: 0, lost: 0, expired: 0 };
  const client = new StreamClient(socket, {
    totals,
    now: () => 'now',
    turn: () => turns++,
    position: () => 'run-7',
  });
  client.tell('ready', { type: 'ready' }, 'run-1');
  socket.flushAll();
  const offer = (chunk: Buffer, events: number, limit = queueBytes) => client.offer(chunk, events, limit);
  return { socket, totals, client, offer };
}

const chunk = (bytes: number) => Buffer.alloc(bytes, 'x');
const gapIn = (text: string | undefined) => {
  const match = /^event: gap\ndata: (.*)\n\n$/.exec(text ?? '');
  return match === null ? null : gapSchema.parse(JSON.parse(match[1]!)).lost;
};

test('a record carries its id', () => {
  const { socket } = setUp(1000);
  assert.equal(socket.written[0], 'id: run-1\nevent: ready\ndata: {"type":"ready"}\n\n');
});

test('what does not fit is counted, and one gap stands in its place when half of what waited is gone', () => {
  const { socket, totals, client, offer } = setUp(1000);
  offer(chunk(400), 4);
  offer(chunk(400), 4);
  offer(chunk(400), 5);
  offer(chunk(100), 1);
  assert.equal(client.taking, false, 'a small chunk does not slip past a larger one that was lost');
  assert.equal(client.queuedBytes, 800);
  socket.flushOne();
  assert.equal(gapIn(socket.written.at(-1)), 6);
  assert.equal(client.taking, true);
  offer(chunk(100), 2);
  assert.deepEqual(totals, { sent: 10, lost: 6, expired: 0 });
});

test('the queue is never above its size', () => {
  const { socket, client, offer } = setUp(1000);
  for (let round = 0; round < 50; round++) {
    offer(chunk(90), 1);
    assert.ok(client.queuedBytes <= 1000);
    if (round % 7 === 0) socket.flushOne();
  }
});

test('an event that is larger than the queue gets through when nothing waits', () => {
  const { totals, offer } = setUp(1000);
  offer(chunk(5000), 1);
  offer(chunk(10), 1);
  assert.deepEqual(totals, { sent: 1, lost: 1, expired: 0 });
});

test('a gap that is open at the end is told before the stream ends', () => {
  const { socket, client, offer } = setUp(1000);
  offer(chunk(900), 1);
  offer(chunk(900), 3);
  client.finish();
  assert.equal(gapIn(socket.written.at(-1)), 3);
  client.finish();
  assert.equal(socket.written.length, 3);
});

test('heartbeats are sent only to a client that got nothing since the last one', () => {
  const { socket, client, offer } = setUp(1000);
  client.heartbeat();
  assert.equal(socket.written.length, 1, 'the ready record counts');
  client.heartbeat();
  assert.equal(socket.written.at(-1), ': heartbeat\nid: run-7\n\n');
  socket.flushAll();
  client.heartbeat();
  offer(chunk(100), 1);
  client.heartbeat();
  const comments = () => socket.written.filter((text) => text.startsWith(':')).length;
  assert.equal(comments(), 2);
  client.heartbeat();
  assert.equal(comments(), 2, 'nothing is added while something waits');
});

test('a client whose queue is cut by others tells one gap, not one for each batch', () => {
  const { socket, client, offer } = setUp(1000);
  offer(chunk(400), 4);
  offer(chunk(100), 1, 300);
  for (let batch = 0; batch < 5; batch++) {
    assert.equal(client.taking, false, 'what waited is still there');
    client.skip(2);
  }
  socket.flushAll();
  assert.deepEqual(
    socket.written.map(gapIn).filter((lost) => lost !== null),
    [11],
  );
});
