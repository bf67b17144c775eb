// What Node does not tell of a socket, against the kernel.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { limitSendBuffer, peerCredentials } from './socket.ts';

interface Cleanup {
  after(end: () => void): void;
}

/** Both ends of a connection. */
async function pair(t: Cleanup, where: { path: string } | { port: number; host: string }) {
  const server = createServer();
  t.after(() => server.close());
  server.listen(where);
  await once(server, 'listening');
  const address = server.address();
  const client = typeof address === 'string' ? connect(address) : connect(address!.port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  t.after(() => {
    client.destroy();
    accepted.destroy();
  });
  return { client, accepted };
}

test('the peer of a Unix socket is known, that of another socket is not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { accepted } = await pair(t, { path: join(folder, 's') });
  assert.deepEqual(peerCredentials(accepted), {
    pid: process.pid,
    uid: process.getuid!(),
    gid: process.getgid!(),
  });
  const tcp = await pair(t, { port: 0, host: '127.0.0.1' });
  assert.equal(peerCredentials(tcp.accepted)?.pid ?? 0, 0);
  accepted.destroy();
  await once(accepted, 'close');
  assert.equal(peerCredentials(accepted), null);
});

test('what the kernel keeps for a peer that does not read is bounded', async (t) => {
  const takenByKernel = async (limit: boolean): Promise<number> => {
    const { client, accepted } = await pair(t, { port: 0, host: '127.0.0.1' });
    client.pause();
    if (limit) limitSendBuffer(accepted, 65_536);
    const chunk = Buffer.alloc(65_536);
    let written = 0;
    for (let idle = 0; idle < 50; ) {
      if (accepted.writableLength === 0) {
        accepted.write(chunk);
        written += chunk.length;
        idle = 0;
      } else idle++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return written - accepted.writableLength;
  };
  const free = await takenByKernel(false);
  const limited = await takenByKernel(true);
  assert.ok(limited < free / 2, `${limited} of ${free} bytes`);
});
