// The event stream as the clients of the first cognitod read it: `data:` lines and comments, nothing else.
import type { EventBus } from '../../model/index.ts';
import { StreamClient, type StreamClients, type StreamSocket } from '../../http/index.ts';
import { compatEvent } from '../../encode/index.ts';

export class CompatStream {
  readonly #bus: EventBus;
  readonly #all: StreamClients;
  readonly #clients = new Set<StreamClient>();
  readonly #totals = { sent: 0, lost: 0, expired: 0 };
  #unsubscribe: (() => void) | undefined;

  constructor(bus: EventBus, all: StreamClients) {
    this.#bus = bus;
    this.#all = all;
  }

  /** With `silent` it never gets an event: a stream of something that does not happen. */
  add(socket: StreamSocket, silent = false): StreamClient {
    const client = new StreamClient(socket, {
      totals: this.#totals,
      now: () => new Date().toISOString(),
      turn: () => this.#all.turn,
      // Their parsers take every line with data for an event: a gap can only be told in a comment.
      gapText: (lost) => `: gap, ${lost} events lost because this client is slow\n\n`,
    });
    this.#all.add(client);
    if (silent) return client;
    this.#clients.add(client);
    this.#unsubscribe ??= this.#bus.subscribe((batch) => {
      let text = '';
      for (const applied of batch) text += `data: ${JSON.stringify(compatEvent(applied))}\n\n`;
      this.#all.send(this.#clients, Buffer.from(text), batch.length);
    });
    return client;
  }

  /** Idempotent. */
  remove(client: StreamClient): void {
    this.#all.remove(client);
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }
}
