// What all listeners have in common: time limits, problem documents, 404 and 405, probes, a bounded close.
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify';
import { type HealthJson, MAX_ANSWER_BYTES, type ReadyJson, type RouteAccess, routes } from '../api/index.ts';
import { CognitodError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Guard } from './access.ts';
import type { AnsweredRequest } from './access-log.ts';
import { Connections } from './connections.ts';
import { peerKey, type RateLimit } from './rate-limit.ts';
import { STRICT_HEADERS, TLS_HEADERS } from './strict-headers.ts';
import type { TlsMaterial } from './tls-files.ts';
import { PROBLEM_TYPE, problem, problemOf, sendProblem } from './problem.ts';
import { UnreadAnswers } from './unread-answers.ts';

/** Where a listener reports what no client can be told. */
export type HttpLog = Pick<Log, 'error'>;

/** What `/readyz` answers. */
export interface Readiness {
  readiness(): ReadyJson;
}

/** No client of an agent needs longer to send the head of a request … */
const HEADERS_TIMEOUT_MS = 5_000;
/** … and the whole of it. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How often these are looked at. Node's own 30 s would be added to them. */
const CHECK_MS = 1_000;
/** An answer of which nobody takes anything for so long is cut. Streams have heartbeats. */
const UNREAD_MS = 30_000;
/** Between two messages that say the same. */
const TELL_AGAIN_MS = 60_000;
const KEEP_ALIVE_MS = 5_000;
/** Beyond these, streams aside, connections are cut to make room (connections.ts). */
const MAX_CONNECTIONS = 512;
/** Of all answers that nobody reads, streams aside (unread-answers.ts): four of the largest. */
const MAX_UNREAD_BYTES = 4 * MAX_ANSWER_BYTES;

declare module 'fastify' {
  interface FastifyRequest {
    /** Its answer goes on for as long as somebody reads it: the limits of other connections are not for it. */
    becomesStream: () => void;
  }
}

/** In milliseconds. */
export interface HttpTimes {
  readonly head: number;
  readonly request: number;
  readonly keepAlive: number;
}

const TIMES: HttpTimes = { head: HEADERS_TIMEOUT_MS, request: REQUEST_TIMEOUT_MS, keepAlive: KEEP_ALIVE_MS };

export interface ServedRoute {
  readonly method: string;
  /** The pattern, with parameters as `:name`. */
  readonly url: string;
  /** Undefined: nobody has decided, and nobody may ask. */
  readonly access: RouteAccess | undefined;
}

export interface HttpApp {
  readonly app: FastifyInstance;
  /** Every route that was added, each method by itself. */
  readonly served: readonly ServedRoute[];
  /** A further server with the same routes and limits, which closes with the others. */
  addServer(): Server;
  /** Connections that were cut to make room, so far. */
  cut(): number;
  /** Stops accepting, lets what is under way finish, and cuts what is left after `timeoutMs`. */
  close(timeoutMs: number): Promise<void>;
}

export interface HttpAppOptions {
  /** Sees every request first, also those without a route. */
  readonly guard?: Guard;
  /** How often a peer may ask for what is no probe. */
  readonly rateLimit?: RateLimit | null;
  readonly noteAccess?: (request: AnsweredRequest) => void;
  /** `later`: no connection can be made before the server was given a secure context. */
  readonly tls?: TlsMaterial | 'later' | null;
  readonly times?: HttpTimes;
  /** Of a request's body; Fastify's own 1 MiB when nothing is said. */
  readonly bodyLimitBytes?: number;
  /** How many connections there may be at a time on each server. */
  readonly maxConnections?: number;
  /** Of answers that wait to be read; the oldest are cut for the newest. */
  readonly maxUnreadBytes?: number;
}

/** An application without routes. */
export function createHttpApp(log: HttpLog, options: HttpAppOptions = {}): HttpApp {
  const { guard = () => {}, noteAccess = () => {}, rateLimit = null, tls = null } = options;
  const { maxConnections = MAX_CONNECTIONS, times = TIMES, bodyLimitBytes } = options;
  const unread = new UnreadAnswers(options.maxUnreadBytes ?? MAX_UNREAD_BYTES);
  const timeouts = timeoutsOf(times);
  const pools = new Map<Server, Connections>();
  const setUp = (server: Server) => pools.set(server, setUpServer(server, maxConnections, log));
  const servers: Server[] = [];
  const headers = { ...STRICT_HEADERS, ...(tls === null ? {} : TLS_HEADERS) };
  const patterns: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];
  const underWay = new UnderWay();
  const app = fastify({
    logger: false,
    ...timeouts,
    ...(bodyLimitBytes === undefined ? {} : { bodyLimit: bodyLimitBytes }),
    return503OnClosing: false,
    // The time that closing may take has its own limit.
    pluginTimeout: 0,
    frameworkErrors: (error, _request, reply) => sendProblem(reply.headers(headers), problemOf(error)),
    clientErrorHandler: refuseMalformed,
    ...(tls === null ? { http: timeouts } : { https: { ...tlsOptions(tls, times), ...timeouts } }),
  } as FastifyServerOptions);
  setUp(app.server);
  app.decorateRequest('caller', null);
  app.decorateRequest('becomesStream', () => {});
  const served: ServedRoute[] = [];
  app.addHook('onRoute', ({ url, method, config }) => {
    const methods = [method].flat();
    for (const each of methods) served.push({ method: each, url, access: config?.access });
    patterns.push({ pattern: new RegExp(`^${url.replaceAll(/:[^/]+/g, '[^/]+')}$`), methods });
  });
  app.addHook('onRequest', async (request, reply) => {
    underWay.add(reply.raw);
    for (const pool of pools.values()) pool.answer(request.raw, (done) => reply.raw.once('close', done));
    request.becomesStream = () => {
      request.raw.socket.setTimeout(0);
      for (const pool of pools.values()) pool.keep(request.raw);
    };
    reply.headers(headers);
    if (rateLimit !== null) limitRate(rateLimit, request, reply);
    guard(request);
    if (!request.is404) return;
    const path = request.url.split('?', 1)[0]!;
    const methods = patterns.flatMap((route) => (route.pattern.test(path) ? route.methods : []));
    if (methods.length === 0) throw new CognitodError('NOT_FOUND', 'there is no such route');
    const allowed = [...new Set(methods)].sort().join(', ');
    reply.header('allow', allowed);
    throw new CognitodError('METHOD_NOT_ALLOWED', `this route answers ${allowed} only`);
  });
  app.addHook('onSend', async (_request, reply, payload) => {
    if (typeof payload === 'string' || payload instanceof Uint8Array)
      unread.add(reply.raw, Buffer.byteLength(payload));
  });
  app.addHook('onResponse', async (request, reply) => {
    noteAccess({
      method: request.method,
      route: request.routeOptions.url ?? 'none',
      status: reply.statusCode,
      peer: request.raw.socket.remoteAddress ?? 'unix',
      url: request.url,
      caller: request.caller,
      durationMs: reply.elapsedTime,
    });
  });
  // Node takes an answer that is written but not yet sent for done, and would cut it at close.
  app.addHook('preClose', () => underWay.empty());
  // The hook has answered before; without a handler of ours it would not be run for unknown routes.
  app.setNotFoundHandler(() => {});
  app.setErrorHandler((error: unknown, request, reply) => {
    const document = problemOf(error);
    if (document.status === 500)
      log.error('a request failed', { route: routeOf(request), error: stackOf(error) });
    // What is left of a body that is not read must not be taken for the next request.
    if (document.status === 413) reply.header('connection', 'close');
    return sendProblem(reply, document);
  });
  return {
    app,
    served,
    addServer() {
      const server = createServer(timeouts, (request, response) => app.routing(request, response));
      server.on('clientError', refuseMalformed);
      setUp(server);
      servers.push(server);
      return server;
    },
    cut: () => [...pools.values()].reduce((sum, pool) => sum + pool.cut, unread.cut),
    async close(timeoutMs) {
      // Repeated, because a connection can be accepted between the first cut and the end of listening.
      const deadline = setInterval(() => {
        underWay.giveUp();
        for (const pool of pools.values()) pool.cutAll();
      }, timeoutMs);
      try {
        await Promise.all([app.close(), ...servers.map(closeServer)]);
      } finally {
        clearInterval(deadline);
      }
    },
  };
}

function setUpServer(server: Server, maxConnections: number, log: HttpLog): Connections {
  const connections = new Connections(maxConnections);
  server.on('connection', (socket: Socket) => connections.add(socket));
  server.setTimeout(UNREAD_MS, (socket: Socket) => socket.destroy());
  // A connection that cannot be accepted (no descriptor left) is no end of the listener; it is tried again at once, and often.
  let toldMs = Number.NEGATIVE_INFINITY;
  server.on('error', (error) => {
    if (!server.listening || performance.now() - toldMs < TELL_AGAIN_MS) return;
    toldMs = performance.now();
    log.error('connections cannot be accepted', { error: error.message });
  });
  // An expectation that nobody knows may be ignored (RFC 9110, 10.1.1); Node would answer 417 by itself.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  return connections;
}

const timeoutsOf = ({ head, request, keepAlive }: HttpTimes) => ({
  headersTimeout: head,
  requestTimeout: request,
  keepAliveTimeout: keepAlive,
  connectionsCheckingInterval: Math.min(CHECK_MS, request),
});

/** A client certificate is asked for where there are authorities; whether it must be there, the guard decides. */
function tlsOptions(tls: TlsMaterial | 'later', { request }: HttpTimes) {
  const common = { minVersion: 'TLSv1.2', handshakeTimeout: request } as const;
  if (tls === 'later') return common;
  const { cert, key, ca } = tls;
  const clients = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: false };
  return { cert, key, ...common, ...clients };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

/** Before the guard, so that guessing tokens is limited too. */
function limitRate(limit: RateLimit, request: FastifyRequest, reply: FastifyReply): void {
  const { url } = request.routeOptions;
  if (url === routes.health.path || url === routes.ready.path) return;
  const waitMs = limit.take(peerKey(request.raw.socket.remoteAddress));
  if (waitMs === 0) return;
  reply.header('retry-after', Math.ceil(waitMs / 1000));
  throw new CognitodError(
    'RATE_LIMITED',
    'too many requests: api.rate_limit and api.rate_burst allow no more',
  );
}

const HEALTHY: HealthJson = { status: 'ok' };

/** What a listener adds to the answers of its probes. */
export interface ProbeFields {
  health(): Omit<HealthJson, 'status'>;
  ready(readiness: ReadyJson): Partial<ReadyJson>;
}

const NO_FIELDS: ProbeFields = { health: () => ({}), ready: () => ({}) };

/** `/healthz` and `/readyz` of both listeners. A probe must not fail for a parameter: any is taken. */
export function addProbes(app: FastifyInstance, view: Readiness, more: ProbeFields = NO_FIELDS): void {
  const open = { config: { access: routes.health.access } };
  app.get(routes.health.path, open, () => ({ ...HEALTHY, ...more.health() }));
  app.get(routes.ready.path, open, (_request, reply) => {
    const readiness = view.readiness();
    return reply.code(readiness.ready ? 200 : 503).send({ ...readiness, ...more.ready(readiness) });
  });
}

/** Answers that the kernel has not wholly taken. */
class UnderWay {
  readonly #responses = new Set<ServerResponse>();
  readonly #waiting: (() => void)[] = [];

  add(response: ServerResponse): void {
    this.#responses.add(response);
    response.once('close', () => {
      this.#responses.delete(response);
      if (this.#responses.size === 0) this.giveUp();
    });
  }

  /** Resolves when there are none, or after `giveUp`. */
  async empty(): Promise<void> {
    if (this.#responses.size > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Ends the waiting. An answer that was queued behind another on a connection that broke never closes. */
  giveUp(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? 'unknown'}`;
}

const STRICT_LINES = Object.entries(STRICT_HEADERS)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');

/** Requests that are not HTTP never become a request object: the answer is written by hand. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket & { _httpMessage?: unknown }): void {
  // Within an answer (an event stream) a second head would be taken for its content.
  if (error.code !== 'ECONNRESET' && socket.writable && socket._httpMessage == null) {
    const body = JSON.stringify(malformed(error.code));
    socket.write(
      `HTTP/1.1 ${statusLine(error.code)}\r\ncontent-type: ${PROBLEM_TYPE}\r\n${STRICT_LINES}` +
        `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroySoon();
}

function statusLine(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
  return '400 Bad Request';
}

function malformed(code: string | undefined) {
  const line = statusLine(code);
  return problem(
    'BAD_REQUEST',
    `the request is not well-formed HTTP: ${line.slice(4)}`,
    Number(line.slice(0, 3)),
  );
}
