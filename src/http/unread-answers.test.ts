// Answers that nobody reads: bounded in bytes, by real sockets; whoever reads is served.
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { createHttpApp } from './http-app.ts';

const ANSWER = 'x'.repeat(4 << 20);

async function open(t: { after: (work: () => Promise<void>) => void }, maxUnreadBytes: number) {
  const { app, cut, close } = createHttpApp({ error: () => {} }, { maxUnreadBytes });
  app.get('/large', () => ANSWER);
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => close(1));
  const { port } = app.server.address() as { port: number };
  return { port, cut };
}

/** Asks and never reads. */
function askSilently(port: number, opened: Socket[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.pause().write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n', () => resolve());
    });
    opened.push(socket);
    socket.on('error', () => {});
  });
}

test('the oldest unread answers are cut when all together are too large, and a client that reads is served', async (t) => {
  const { port, cut } = await open(t, 3 * ANSWER.length);
  const silent: Socket[] = [];
  t.after(() => {
    for (const socket of silent) socket.destroy();
  });
  for (let index = 0; index < 10; index++) await askSilently(port, silent);
  const answers: string[] = [];
  // One after the other: each finds the silent ones in its way.
  for (let index = 0; index < 3; index++)
    answers.push(await (await fetch(`http://127.0.0.1:${port}/large`)).text());
  assert.deepEqual(
    answers.map((answer) => answer === ANSWER),
    [true, true, true],
  );
  // Ten that are not read, of which no more than three fit beside nobody, and two beside one that is read.
  assert.ok(cut() >= 7 && cut() <= 8, `${cut()} were cut`);
});

test('answers that are read are no reason to cut anybody', async (t) => {
  const { port, cut } = await open(t, 3 * ANSWER.length);
  for (let index = 0; index < 12; index++)
    assert.equal((await (await fetch(`http://127.0.0.1:${port}/large`)).text()).length, ANSWER.length);
  assert.equal(cut(), 0);
});

test('an answer that is larger than the bound is given', async (t) => {
  const { port, cut } = await open(t, 1000);
  assert.equal((await (await fetch(`http://127.0.0.1:${port}/large`)).text()).length, ANSWER.length);
  assert.equal(cut(), 0);
});
