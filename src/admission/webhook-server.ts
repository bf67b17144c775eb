// The HTTPS listener that the API server asks.
import type { Server } from 'node:https';
import fastify, { type FastifyInstance } from 'fastify';
import type { Closable } from '../lib/close.ts';
import { CognitodError } from '../lib/errors.ts';
import {
  type BoundAddress,
  type ListenAddress,
  type ListenerName,
  openListener,
  problemOf,
  refuseMalformed,
  resolveHost,
  sendProblem,
} from '../serve/index.ts';
import type { AdmissionMetrics } from './admission-metrics.ts';
import type { Pair } from './certificates/index.ts';
import { parseReview, type ReviewRequest, reviewAnswer } from './review.ts';
import type { Reviewed } from './reviewer.ts';

const NAME: ListenerName = { name: 'webhook', flag: '--listen', key: 'admission.listen' };
/** The API server takes requests up to 3 MiB; as JSON in a review they are a little longer. */
export const MAX_REVIEW_BYTES = 4 * 1024 * 1024;
/** What is slower than this the API server waits no longer for. */
const REQUEST_TIMEOUT_MS = 5_000;
/** The API server keeps connections for its next reviews. */
const KEEP_ALIVE_MS = 120_000;
const CHECK_MS = 1_000;
const MAX_CONNECTIONS = 128;
const CLOSE_TIMEOUT_MS = 2_000;

export interface WebhookServerOptions {
  readonly listen: ListenAddress;
  readonly review: (request: ReviewRequest) => Promise<Reviewed>;
  readonly metrics: AdmissionMetrics;
  readonly log: { error(message: string): void };
  /** From the first byte of a connection to the last one of a request; 5 s. */
  readonly requestTimeoutMs?: number;
}

export interface WebhookServer extends Closable {
  /** @throws CognitodError LISTEN_FAILED */
  listen(): Promise<BoundAddress>;
  /** For connections from now on. Before the first one no connection can be made. */
  serve(pair: Pair): void;
}

export function createWebhookServer(options: WebhookServerOptions): WebhookServer {
  const { metrics, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
  const app = fastify({
    logger: false,
    bodyLimit: MAX_REVIEW_BYTES,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    return503OnClosing: false,
    pluginTimeout: 0,
    https: {
      minVersion: 'TLSv1.2',
      handshakeTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_MS, requestTimeoutMs),
    },
    frameworkErrors: (error, _request, reply) => sendProblem(reply, problemOf(error)),
    clientErrorHandler: refuseMalformed,
  });
  app.server.maxConnections = MAX_CONNECTIONS;
  app.removeContentTypeParser('text/plain');
  // A handshake that fails is the client's affair: Node destroys the socket by itself when nobody listens.
  app.server.on('tlsClientError', (_error, socket) => socket.destroy());
  addRoute(app, options);
  app.addHook('onResponse', async (request, reply) => {
    if (reply.statusCode !== 200) metrics.refused(reply.statusCode);
    else if (request.routeOptions.url === '/mutate') metrics.took(reply.elapsedTime / 1000);
  });
  let closing: Promise<void> | undefined;
  return {
    async listen() {
      const host = await resolveHost(options.listen, NAME);
      const bound = await openListener(app, { host, port: options.listen.port }, NAME);
      return { ...bound, url: bound.url.replace('http:', 'https:') };
    },
    serve: ({ cert, key }) => app.server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' }),
    close() {
      closing ??= closeWithin(app, CLOSE_TIMEOUT_MS);
      return closing;
    },
  };
}

type App = FastifyInstance<Server>;

function addRoute(app: App, { review, metrics, log }: WebhookServerOptions): void {
  app.post('/mutate', async (request) => {
    const parsed = parseReview(request.body);
    if (!parsed.ok) throw new CognitodError('BAD_REQUEST', parsed.problem);
    const { uid, dryRun } = parsed.request;
    try {
      const { result, answer } = await review(parsed.request);
      metrics.reviewed(result, dryRun);
      return answer;
    } catch (error) {
      // A fault of ours must not cost anybody a pod.
      log.error(`a review failed: ${(error as Error).stack}`);
      metrics.reviewed('failed', dryRun);
      return reviewAnswer(uid, [], ['no sidecar: the webhook failed; its log has the reason']);
    }
  });
  app.setNotFoundHandler((request, reply) => {
    const isKnown = request.url.split('?', 1)[0] === '/mutate';
    if (isKnown) reply.header('allow', 'POST');
    const error = isKnown
      ? new CognitodError('METHOD_NOT_ALLOWED', 'this route answers POST only')
      : new CognitodError('NOT_FOUND', 'there is no such route');
    return sendProblem(reply, problemOf(error));
  });
  app.setErrorHandler((error: unknown, _request, reply) => {
    const document = problemOf(error);
    if (document.status === 500) log.error(`a request failed: ${(error as Error).stack}`);
    // What is left of a body that is not read must not be taken for the next request.
    if (document.status === 413) reply.header('connection', 'close');
    return sendProblem(reply, document);
  });
}

/** Lets what is under way finish, and cuts what is left then. */
async function closeWithin(app: App, timeoutMs: number): Promise<void> {
  const deadline = setInterval(() => app.server.closeAllConnections(), timeoutMs);
  try {
    await app.close();
  } finally {
    clearInterval(deadline);
  }
}
