// The connections of one listener: how many there may be, and which is cut when one more comes.
//
// The newest is always let in, for a probe or a client that asks at once is then answered whatever the others do. Who makes
// room is the peer with the most connections: of these the one that has been open for longest without a whole request, or
// else the one that has been open for longest. Streams have a bound of their own (stream.max_clients) and are never cut here.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { peerKey } from './rate-limit.ts';

/** With TLS, requests have another socket than the connection that was accepted; its far end is the same. */
type Key = Socket | string;

interface Connection {
  readonly socket: Socket;
  readonly peer: string;
  /** That is being answered. */
  request: IncomingMessage | null;
  isStream: boolean;
}

export class Connections {
  readonly #max: number;
  /** In the order of their arrival. */
  readonly #open = new Map<Key, Connection>();
  #streams = 0;
  #cut = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Open now, streams aside. */
  get size(): number {
    return this.#open.size - this.#streams;
  }

  /** How many were cut so far, to make room. */
  get cut(): number {
    return this.#cut;
  }

  add(socket: Socket): void {
    if (this.size >= this.#max) this.#makeRoom();
    const key = keyOf(socket);
    const connection: Connection = {
      socket,
      peer: peerKey(socket.remoteAddress),
      request: null,
      isStream: false,
    };
    this.#open.set(key, connection);
    socket.once('close', () => {
      if (this.#open.get(key) !== connection) return;
      this.#open.delete(key);
      if (connection.isStream) this.#streams--;
    });
  }

  /** A whole request head has come; it is answered until the response closes. */
  answer(request: IncomingMessage, closed: (done: () => void) => void): void {
    const connection = this.#open.get(keyOf(request.socket));
    if (connection === undefined) return;
    connection.request = request;
    closed(() => {
      if (connection.request === request) connection.request = null;
    });
  }

  /** The answer of this request is a stream. */
  keep(request: IncomingMessage): void {
    const connection = this.#open.get(keyOf(request.socket));
    if (connection === undefined || connection.isStream) return;
    connection.isStream = true;
    this.#streams++;
  }

  /** Cuts every one, also those that a server does not know yet because their handshake is not over. */
  cutAll(): void {
    for (const { socket } of this.#open.values()) socket.destroy();
  }

  #makeRoom(): void {
    const peers = new Map<string, number>();
    for (const { peer, isStream } of this.#open.values())
      if (!isStream) peers.set(peer, (peers.get(peer) ?? 0) + 1);
    const most = Math.max(...peers.values());
    let victim: [Key, Connection] | undefined;
    for (const entry of this.#open) {
      const [, { peer, request, isStream }] = entry;
      if (isStream || peers.get(peer) !== most) continue;
      victim ??= entry;
      if (request?.complete === true) continue;
      victim = entry;
      break;
    }
    if (victim === undefined) return;
    this.#open.delete(victim[0]);
    this.#cut++;
    victim[1].socket.destroy();
  }
}

const keyOf = (socket: Socket): Key =>
  socket.remotePort === undefined ? socket : `${socket.remoteAddress} ${socket.remotePort}`;
