import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openFakeCri, openFakeDocker } from '../identity/runtime/runtime.fixture.ts';
import { fakeNode, find } from './fake-node.fixture.ts';
import { runtime } from './runtime.ts';

const OFF = { COGNITOD_RUNTIME_CRI: 'off', COGNITOD_RUNTIME_DOCKER: 'off', COGNITOD_RUNTIME_PODMAN: 'off' };

async function seen(t: TestContext, env: Record<string, string>): Promise<string> {
  const { result, reason } = await find(runtime, fakeNode(t).surroundings({ env }));
  return `${result}: ${reason}`;
}

/** Listens at a path of a host root; what connects is given to `handle`. */
async function listenAt(t: TestContext, path: string, handle: (socket: Socket) => void): Promise<string> {
  const node = fakeNode(t);
  const root = join(node.directory, 'root');
  mkdirSync(join(root, path, '..'), { recursive: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    handle(socket);
  }).listen(join(root, path));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server, 'listening');
  return root;
}

test('a runtime that answers the call says what it is', async (t) => {
  const cri = openFakeCri(t);
  await cri.listen();
  assert.equal(
    await seen(t, { ...OFF, COGNITOD_RUNTIME_CRI: cri.socket }),
    `ok: fake 1.2.3 at ${cri.socket}`,
  );
  const docker = openFakeDocker(t);
  await docker.listen();
  assert.equal(
    await seen(t, { ...OFF, COGNITOD_RUNTIME_DOCKER: docker.socket }),
    `ok: fake 1.2.3 at ${docker.socket}`,
  );
});

test('a containerd without CRI, and one that hangs', async (t) => {
  const cri = openFakeCri(t);
  await cri.listen();
  cri.state.fault = 'no-api';
  assert.match(await seen(t, { ...OFF, COGNITOD_RUNTIME_CRI: cri.socket }), /^warn: .*does not speak CRI v1/);
  cri.state.fault = 'hang';
  assert.match(
    await seen(t, { ...OFF, COGNITOD_RUNTIME_CRI: cri.socket }),
    /^warn: .*does not answer: Version took more than 2000 ms$/,
  );
});

test('a socket that accepts and is mute is not taken for a runtime', async (t) => {
  const root = await listenAt(t, 'run/crio/crio.sock', () => {});
  assert.match(
    await seen(t, { COGNITOD_RUNTIME_HOST_ROOT: root }),
    /^warn: .*crio\.sock does not answer: Version took more than 2000 ms/,
  );
});

test('a server of something else', async (t) => {
  const root = await listenAt(t, 'run/docker.sock', (socket) => socket.end('220 mail ready\r\n'));
  assert.match(await seen(t, { COGNITOD_RUNTIME_HOST_ROOT: root }), /^warn: .*docker\.sock does not answer/);
});

test('none there, and none wanted', async (t) => {
  assert.match(await seen(t, {}), /^warn: no socket of a runtime is there$/);
  assert.match(await seen(t, OFF), /^skip: switched off by the configuration/);
});
