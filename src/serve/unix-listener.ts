// The API on a Unix socket: who may connect is up to the mode of the file, who it is the kernel says.
import { once } from 'node:events';
import { lstatSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type PeerCredentials, peerCredentials } from '../os/index.ts';
import { CognitodError } from '../lib/errors.ts';

/** What the file must not allow: anything to others, and execution. */
const UMASK = 0o117;
/** A program that listens takes a connection at once. */
const ANSWER_MS = 1_000;

/**
 * Opens the socket with mode 0660, and the group of the directory where that is setgid. One that nobody answers any more is
 * replaced. The file goes when the server closes.
 *
 * @throws CognitodError LISTEN_FAILED
 */
export async function openUnixListener(
  server: Server,
  path: string,
  peers: WeakMap<Socket, PeerCredentials>,
): Promise<void> {
  await removeStale(path);
  server.on('connection', (socket: Socket) => {
    const credentials = peerCredentials(socket);
    if (credentials === null) socket.destroy();
    else peers.set(socket, credentials);
  });
  // Node binds within the call: no other file is made under this mask.
  const umask = process.umask(UMASK);
  try {
    server.listen(path);
  } finally {
    process.umask(umask);
  }
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw failed(path, (cause as Error).message, cause);
  }
}

async function removeStale(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw failed(path, 'there is a file that is no socket, which is not removed');
  const reason = await refusalOf(path);
  if (reason === null) throw failed(path, 'another program answers there, perhaps another cognitod');
  // Whatever else is wrong, to listen will tell.
  if (reason === 'ECONNREFUSED') unlinkSync(path);
}

/** Why nobody answers; null when somebody does, or only does not in time. */
function refusalOf(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (reason: string | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reason);
    };
    const timer = setTimeout(() => end(null), ANSWER_MS);
    socket.on('connect', () => end(null));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}

function failed(path: string, reason: string, cause?: unknown): CognitodError {
  return new CognitodError('LISTEN_FAILED', `the API cannot listen on ${path}: ${reason}`, {
    hint: 'choose another path with api.socket',
    cause,
  });
}
