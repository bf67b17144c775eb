// The operations listener: probes and metrics, for kubelet and Prometheus, and nothing else.
import type { IncomingMessage } from 'node:http';
import Negotiator from 'negotiator';
import type { Closable } from '../lib/close.ts';
import type { ListenAddress } from '../lib/listen.ts';
import { CONTENT_TYPES, type MetricsFormat, openMetricsText } from './exposition.ts';
import { addProbes, createHttpApp, type HttpLog, type Readiness } from './http-app.ts';
import { type BoundAddress, type ListenerName, openListener, resolveHost } from './listener.ts';

const NAME: ListenerName = { name: 'operations', flag: '--ops-listen', key: 'ops.listen' };
const CLOSE_TIMEOUT_MS = 1_000;
const OPENMETRICS = 'application/openmetrics-text';

/** The figures of a program. */
export interface MetricsText {
  /** One scrape, as Prometheus text; for OpenMetrics it may have exemplars. */
  text(format: MetricsFormat): Promise<string>;
}

export interface OpsServerOptions {
  readonly listen: ListenAddress;
  readonly view: Readiness;
  readonly metrics: MetricsText;
  readonly log: HttpLog;
  /** How long requests under way may take at close. */
  readonly closeTimeoutMs?: number;
}

export interface OpsServer extends Closable {
  /** @throws CognitodError LISTEN_FAILED */
  listen(): Promise<BoundAddress>;
  /** Connections that had to make room for others, so far. */
  connectionsCut(): number;
}

/** No authentication: of single processes it tells only ids, so it may listen on any address. */
export function createOpsServer(options: OpsServerOptions): OpsServer {
  const { metrics } = options;
  const { app, cut, close } = createHttpApp(options.log);
  addProbes(app, options.view);
  const textIn = async (format: MetricsFormat) => {
    const text = await metrics.text(format);
    return format === 'openmetrics' ? openMetricsText(text) : text;
  };
  // Scrapes at the same time are one: whoever asks a thousand times at once makes it be read once.
  const underWay = new Map<MetricsFormat, Promise<string>>();
  const shared = (format: MetricsFormat) => {
    const text = underWay.get(format) ?? textIn(format).finally(() => underWay.delete(format));
    underWay.set(format, text);
    return text;
  };
  app.get('/metrics', async (request, reply) => {
    const format = formatFor(request.raw);
    return reply
      .headers({ 'content-type': CONTENT_TYPES[format], vary: 'Accept' })
      .send(await shared(format));
  });
  let closing: Promise<void> | undefined;
  return {
    connectionsCut: cut,
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

/** Prometheus text, unless OpenMetrics, in whatever version, is preferred to it. */
function formatFor(request: IncomingMessage): MetricsFormat {
  const [first] = new Negotiator(request)
    .mediaTypes()
    .filter((type) => [OPENMETRICS, 'text/plain', 'text/*', '*/*'].includes(type));
  return first === OPENMETRICS ? 'openmetrics' : 'prometheus';
}
