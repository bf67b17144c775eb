// Every connection of this process is in the book, whoever made it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, get, type RequestOptions } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConnectionCounts } from './connection-counts.ts';

async function listen(t: TestContext, ...where: [path: string] | [port: number, host: string]) {
  const server = createServer((_request, response) => response.end());
  server.listen(...(where as [number, string]));
  t.after(() => server.close());
  await once(server, 'listening');
  return server.address() as AddressInfo;
}

function openBook(t: TestContext): ConnectionCounts {
  const book = new ConnectionCounts();
  book.open();
  t.after(() => book.close());
  return book;
}

async function ask(options: RequestOptions): Promise<void> {
  const [response] = await once(get(options), 'response');
  response.resume();
  await once(response, 'close');
}

test('requests over TCP and Unix sockets, and those that were refused', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-connections-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'api.sock');
  const { port } = await listen(t, 0, '127.0.0.1');
  await listen(t, path);
  const book = openBook(t);
  await ask({ host: '127.0.0.1', port, agent: false });
  await ask({ host: '127.0.0.1', port, agent: false });
  await ask({ socketPath: path, agent: false });
  await fetch(`http://127.0.0.1:${port}/`);
  const refused = connect(1, '127.0.0.1');
  await once(refused, 'error');
  const expected = [
    { to: path, count: 1 },
    { to: '127.0.0.1:1', count: 1 },
    { to: `127.0.0.1:${port}`, count: 3 },
  ];
  assert.deepEqual(book.counts(), expected);
});

test('an IPv6 address is told from its port', async (t) => {
  const book = openBook(t);
  const socket = connect(1, '::1');
  await once(socket, 'error');
  assert.deepEqual(book.counts(), [{ to: '[::1]:1', count: 1 }]);
});

test('destinations are bounded, and what is beyond is counted', async (t) => {
  const book = openBook(t);
  for (let port = 1; port <= 260; port++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {}).on('connect', () => socket.destroy());
    await new Promise((resolve) => socket.once('close', resolve));
  }
  assert.deepEqual([book.counts().length, book.overflow], [256, 4]);
  book.close();
  const socket = connect(1, '127.0.0.1');
  await once(socket, 'error');
  assert.equal(book.overflow, 4, 'closed');
});
