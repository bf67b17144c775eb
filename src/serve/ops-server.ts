// The operations listener: probes and metrics, for kubelet and Prometheus, and nothing else.
import type { Closable } from '../lib/close.ts';
import type { AgentView, ServeLog } from './agent-view.ts';
import { addProbes, createHttpApp } from './http-app.ts';
import {
  type BoundAddress,
  type ListenAddress,
  type ListenerName,
  openListener,
  resolveHost,
} from './listener.ts';
import type { Metrics } from './metrics.ts';

const NAME: ListenerName = { name: 'operations', flag: '--ops-listen', key: 'ops.listen' };
const CLOSE_TIMEOUT_MS = 1_000;

export interface OpsServerOptions {
  readonly listen: ListenAddress;
  readonly view: Pick<AgentView, 'readiness'>;
  readonly metrics: Pick<Metrics, 'contentType' | 'text'>;
  readonly log: ServeLog;
  /** How long requests under way may take at close. */
  readonly closeTimeoutMs?: number;
}

export interface OpsServer extends Closable {
  /** @throws CognitodError LISTEN_FAILED */
  listen(): Promise<BoundAddress>;
}

/** No authentication: it tells nothing about single processes, so it may listen on any address. */
export function createOpsServer(options: OpsServerOptions): OpsServer {
  const { metrics } = options;
  const { app, close } = createHttpApp(options.log);
  addProbes(app, options.view);
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', metrics.contentType).send(await metrics.text()),
  );
  let closing: Promise<void> | undefined;
  return {
    async listen() {
      const host = await resolveHost(options.listen, NAME);
      return openListener(app, { host, port: options.listen.port }, NAME);
    },
    close() {
      closing ??= close(options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS);
      return closing;
    },
  };
}
