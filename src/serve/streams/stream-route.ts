// Routes that are event streams: opens streams, and ends them when the agent goes.
import type { OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { z } from 'zod';
import type { RouteContract } from '../../api/index.ts';
import { limitSendBuffer } from '../../os/index.ts';
import { CognitodError } from '../../lib/errors.ts';
import { type StreamClients, addRoute, parseQuery } from '../../http/index.ts';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  // Asks reverse proxies not to hold records back.
  'x-accel-buffering': 'no',
};

/**
 * So many clients get as large a send buffer as the kernel likes, some megabytes: with it one that reads at the speed of a
 * build node goes on while the agent is busy. For further ones this is enough for a gigabit over 1 ms.
 */
const UNLIMITED_CLIENTS = 8;
const SEND_BUFFER_BYTES = 128 * 1024;

/** A stream that was opened. */
export interface OpenStream {
  /** Its last words, before it ends in order. */
  finish(): void;
  /** The connection is gone. Idempotent. */
  remove(): void;
}

/** Subscribes a socket whose response head was sent. `lastEventId` is what a client that comes back sends. */
export type Subscribe<Contract extends RouteContract> = (
  query: z.output<Contract['query']>,
  socket: Socket,
  lastEventId: string | undefined,
) => OpenStream;

/** The streams of one listener. */
export class StreamRoutes {
  readonly #app: FastifyInstance;
  readonly #clients: StreamClients;
  readonly #ends = new Set<() => void>();
  #closing = false;

  constructor(app: FastifyInstance, clients: StreamClients) {
    this.#app = app;
    this.#clients = clients;
  }

  /** `instead`: a document for queries that are not answered with a stream. */
  add<Contract extends RouteContract>(
    contract: Contract,
    subscribe: Subscribe<Contract>,
    instead: (query: z.output<Contract['query']>) => unknown = () => undefined,
  ): void {
    this.#app.head(contract.path, { config: { access: contract.access } }, (request, reply) => {
      parseQuery(contract.query, request.query);
      return reply.headers(HEADERS).send();
    });
    addRoute(this.#app, contract, ({ query, request, reply }) => {
      const document = instead(query);
      if (document !== undefined) return document;
      if (this.#closing) throw unavailable('the agent is shutting down');
      if (this.#clients.full) throw unavailable('all streams are taken; try again later');
      const { socket } = reply.raw;
      if (socket === null)
        throw new CognitodError('BAD_REQUEST', 'a stream cannot wait behind another request');
      const lastEventId = request.headers['last-event-id'];
      if (this.#clients.size >= UNLIMITED_CLIENTS) limitSendBuffer(socket, SEND_BUFFER_BYTES);
      request.becomesStream();
      sendHead(reply);
      const stream = subscribe(query, socket, lastEventId === '' ? undefined : lastEventId?.toString());
      const end = () => {
        stream.finish();
        stream.remove();
        // Not response.end(): node takes a connection with an ended response for idle, and a server that closes
        // cuts idle connections at once, with what is queued on them.
        socket.destroySoon();
      };
      this.#ends.add(end);
      socket.once('close', () => {
        this.#ends.delete(end);
        stream.remove();
      });
    });
  }

  /** Ends all streams, after what is queued for them, and refuses new ones from then on. */
  end(): void {
    this.#closing = true;
    for (const end of this.#ends) end();
    this.#ends.clear();
  }
}

/**
 * What follows the response head is for the socket. The body ends with the connection and is written to the
 * socket itself: node's response collects all writes of a tick in user space before the kernel sees the
 * first, so that a large batch would overflow the queue of a client that reads as fast as it can.
 */
function sendHead(reply: FastifyReply): void {
  const headers = reply.getHeaders() as OutgoingHttpHeaders;
  reply.hijack();
  const { raw } = reply;
  raw.removeHeader('transfer-encoding');
  raw.writeHead(200, { ...headers, ...HEADERS, connection: 'close' });
  raw.flushHeaders();
}

function unavailable(detail: string): CognitodError {
  return new CognitodError('STREAMS_UNAVAILABLE', detail);
}
