// The HTTPS listener that the API server asks.
import type { Server } from 'node:https';
import type { FastifyInstance } from 'fastify';
import {
  type BoundAddress,
  createHttpApp,
  type HttpLog,
  type ListenerName,
  openListener,
  resolveHost,
} from '../http/index.ts';
import type { Closable } from '../lib/close.ts';
import { CognitodError } from '../lib/errors.ts';
import type { ListenAddress } from '../lib/listen.ts';
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
const MAX_CONNECTIONS = 128;
const CLOSE_TIMEOUT_MS = 2_000;

export interface WebhookServerOptions {
  readonly listen: ListenAddress;
  readonly review: (request: ReviewRequest) => Promise<Reviewed>;
  readonly metrics: AdmissionMetrics;
  readonly log: HttpLog;
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
  const { metrics, log, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
  const { app, close } = createHttpApp(log, {
    tls: 'later',
    times: { head: requestTimeoutMs, request: requestTimeoutMs, keepAlive: KEEP_ALIVE_MS },
    bodyLimitBytes: MAX_REVIEW_BYTES,
    maxConnections: MAX_CONNECTIONS,
  });
  app.removeContentTypeParser('text/plain');
  const server = app.server as Server;
  // A handshake that fails is the client's affair: Node destroys the socket by itself when nobody listens.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  addRoute(app, options);
  app.addHook('onResponse', async (request, reply) => {
    if (reply.statusCode !== 200) metrics.refused(reply.statusCode);
    else if (request.routeOptions.url === '/mutate') metrics.took(reply.elapsedTime / 1000);
  });
  let closing: Promise<void> | undefined;
  return {
    async listen() {
      const host = await resolveHost(options.listen, NAME);
      return openListener(app, { host, port: options.listen.port }, NAME, 'https');
    },
    serve: ({ cert, key }) => server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' }),
    close() {
      closing ??= close(CLOSE_TIMEOUT_MS);
      return closing;
    },
  };
}

function addRoute(app: FastifyInstance, { review, metrics, log }: WebhookServerOptions): void {
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
}
