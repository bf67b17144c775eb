// Where this process connects to: every attempt of its own runtime, counted by destination.
//
// Node tells each client socket that it makes on a channel (`net.client.socket`, nodejs.org/api/diagnostics_channel.html),
// and the socket tells each address or path that it tries (`connectionAttempt`, nodejs.org/api/net.html). So what is told
// is what was done, not what was configured. Not seen: packets without a connection (name lookups by the C library).
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { formatListen } from '../lib/listen.ts';

export interface ConnectionCount {
  /** `address:port`, or the path of a Unix socket. */
  readonly to: string;
  readonly count: number;
}

const CHANNEL = 'net.client.socket';
const MAX_DESTINATIONS = 256;

export class ConnectionCounts {
  readonly #counts = new Map<string, number>();
  #overflow = 0;

  /** Begins to count. */
  open(): void {
    subscribe(CHANNEL, this.#watch);
  }

  /** Idempotent. */
  close(): void {
    unsubscribe(CHANNEL, this.#watch);
  }

  /** Since the start, in a stable order. */
  counts(): ConnectionCount[] {
    return [...this.#counts.keys()].sort().map((to) => ({ to, count: this.#counts.get(to)! }));
  }

  /** Attempts to further destinations, once there are 256. */
  get overflow(): number {
    return this.#overflow;
  }

  readonly #watch = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    socket.on('connectionAttempt', (host: string, port: number | undefined) => {
      if (port === undefined) this.#note(host);
      else this.#note(formatListen({ host, port }));
    });
  };

  #note(to: string): void {
    const count = this.#counts.get(to);
    if (count !== undefined) this.#counts.set(to, count + 1);
    else if (this.#counts.size < MAX_DESTINATIONS) this.#counts.set(to, 1);
    else this.#overflow++;
  }
}
