// What Node does not let one ask or set of a socket.
import type { Socket } from 'node:net';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const getsockopt = libc.func(
  'int getsockopt(int fd, int level, int name, _Out_ void *value, _Inout_ uint32_t *length)',
) as (fd: number, level: number, name: number, value: Uint8Array, length: number[]) => number;
const setsockopt = libc.func(
  'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
) as (fd: number, level: number, name: number, value: Uint8Array, length: number) => number;

// include/uapi/asm-generic/socket.h; the same on x86-64 and arm64.
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_PEERCRED = 17;

/** Who is at the other end of a Unix socket, as of its connect(2). */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Null for what is no Unix socket, or is closed. */
export function peerCredentials(socket: Socket): PeerCredentials | null {
  const fd = descriptorOf(socket);
  const credentials = new Uint32Array(3);
  if (fd === null || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, new Uint8Array(credentials.buffer), [12]) !== 0)
    return null;
  const [pid, uid, gid] = credentials;
  return { pid: pid!, uid: uid!, gid: gid! };
}

/**
 * Bounds what the kernel keeps for a socket until its peer has it (it counts twice the bytes, socket(7)): else it grows to
 * megabytes for each peer that does not read, and all of it is charged to this process's cgroup.
 */
export function limitSendBuffer(socket: Socket, bytes: number): void {
  const fd = descriptorOf(socket);
  if (fd !== null) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, new Uint8Array(new Uint32Array([bytes]).buffer), 4);
}

/** Node tells the descriptor of a socket only by its handle. */
function descriptorOf(socket: Socket): number | null {
  const { fd } = (socket as unknown as { _handle?: { fd?: number } | null })._handle ?? {};
  return fd !== undefined && fd >= 0 ? fd : null;
}
