// `GET /api/v1/events`: opens event streams, and ends them when the agent goes.
import type { FastifyInstance, FastifyReply } from 'fastify';
import { routes } from '../api/index.ts';
import { CognitodError } from '../lib/errors.ts';
import type { EventStreams } from './event-streams.ts';
import { parseQuery } from './request-query.ts';
import { addRoute } from './route.ts';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  // Asks reverse proxies not to hold records back.
  'x-accel-buffering': 'no',
};

/** Returns what ends all streams, after what is queued for them, and refuses new ones from then on. */
export function addEventRoute(app: FastifyInstance, streams: EventStreams): () => void {
  const ends = new Set<() => void>();
  let closing = false;
  const { events } = routes;
  app.head(events.path, { config: { access: events.access } }, (request, reply) => {
    parseQuery(events.query, request.query);
    return reply.headers(HEADERS).send();
  });
  addRoute(app, events, ({ query, reply }) => {
    if (closing) throw unavailable('the agent is shutting down');
    if (streams.full) throw unavailable('all event streams are taken; try again later');
    const { socket } = reply.raw;
    if (socket === null)
      throw new CognitodError('BAD_REQUEST', 'a stream cannot wait behind another request');
    openStream(reply);
    const client = streams.add(query, socket);
    const end = () => {
      streams.remove(client);
      client.finish();
      // Not response.end(): node takes a connection with an ended response for idle, and a server that closes
      // cuts idle connections at once, with what is queued on them.
      socket.destroySoon();
    };
    ends.add(end);
    socket.once('close', () => {
      ends.delete(end);
      streams.remove(client);
    });
  });
  return () => {
    closing = true;
    for (const end of ends) end();
    ends.clear();
  };
}

/**
 * Sends the response head; what follows is for the socket. The body ends with the connection and is written to the
 * socket itself: node's response collects all writes of a tick in user space before the kernel sees the
 * first, so that a large batch would overflow the queue of a client that reads as fast as it can.
 */
function openStream(reply: FastifyReply): void {
  reply.hijack();
  const { raw } = reply;
  raw.removeHeader('transfer-encoding');
  raw.writeHead(200, { ...HEADERS, connection: 'close' });
  raw.flushHeaders();
}

function unavailable(detail: string): CognitodError {
  return new CognitodError('STREAMS_UNAVAILABLE', detail);
}
