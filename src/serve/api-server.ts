// The API listener: status, processes and the event stream, behind a token or the loopback address.
import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { routes } from '../api/index.ts';
import type { Closable } from '../lib/close.ts';
import { CognitodError } from '../lib/errors.ts';
import type { ApiTokens } from '../lib/token.ts';
import { activityJson } from './activity-json.ts';
import { AccessBook } from './access-book.ts';
import { accessLine } from './access-log.ts';
import { accessGuard, isLoopbackAddress } from './access.ts';
import type { AgentView, ServeLog } from './agent-view.ts';
import { BacklogPump } from './backlog-pump.ts';
import { addCompatRoutes, compatProbes } from './compat/compat-routes.ts';
import { CompatStream } from './compat/compat-stream.ts';
import { addDocsRoutes } from './docs-routes.ts';
import { EventStreams, type StreamStats } from './event-streams.ts';
import { addProbes, createHttpApp, type ServedRoute } from './http-app.ts';
import {
  type BoundAddress,
  hostPort,
  type ListenAddress,
  type ListenerName,
  openListener,
  resolveHost,
} from './listener.ts';
import { LiveProcesses, type LiveStats } from './live-processes.ts';
import { processDetailJson } from './process-json.ts';
import { measuredProcessPage } from './process-page.ts';
import { findProcess, processTree } from './process-tree.ts';
import { addRoute } from './route.ts';
import { StreamClients } from './stream-clients.ts';
import { StreamRoutes } from './stream-route.ts';

const NAME: ListenerName = { name: 'API', flag: '--api-listen', key: 'api.listen' };
const CLOSE_TIMEOUT_MS = 2_000;

export interface ApiServerOptions {
  readonly listen: ListenAddress;
  /** Null: no authentication, which only a loopback address allows. */
  readonly tokens: ApiTokens | null;
  readonly view: AgentView;
  readonly log: ServeLog;
  /** Is given a line for each request when it was answered. */
  readonly logAccess?: ((line: string) => void) | undefined;
  readonly streams: StreamSettings;
  /** How long streams and requests under way may take to finish at close. */
  readonly closeTimeoutMs?: number;
}

export interface StreamSettings {
  /** Clients at the same time; more are refused with 503. */
  readonly maxClients: number;
  /** Bound of what waits in user space for one client; what does not fit is counted as lost. */
  readonly queueBytes: number;
  /** The same for all clients together. */
  readonly totalQueueBytes: number;
  readonly replayEvents: number;
  readonly replayBytes: number;
  readonly heartbeatSeconds: number;
}

/** How long events are kept for clients that come back, when there is no client any more. */
const LINGER_MS = 300_000;
/** Changes of a process within this time are one record of the live list. */
const TICK_MS = 250;

export interface ApiServer extends Closable {
  /** @throws CognitodError TOKEN_REQUIRED or LISTEN_FAILED */
  listen(): Promise<BoundAddress>;
  streams(): StreamStats;
  liveProcesses(): LiveStats;
  /** Who asked for what so far. */
  access(): AccessBook;
  /** Every route with who may ask. */
  readonly served: readonly ServedRoute[];
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { view, tokens } = options;
  const access = new AccessBook();
  const { app, served, close } = createHttpApp(options.log, accessGuard(tokens), (request) => {
    const who = request.caller ?? 'refused';
    const { method, route, status } = request;
    access.note({ who, method, route, status });
    options.logAccess?.(accessLine(who, request, new Date()));
  });
  // Marks ids and paging cursors of this run of the agent.
  const run = randomBytes(4).toString('hex');
  const clients = new StreamClients({
    ...options.streams,
    heartbeatMs: options.streams.heartbeatSeconds * 1000,
  });
  const common = {
    bus: view.bus,
    model: view.model,
    clients,
    pump: new BacklogPump(),
    run,
    now: () => new Date().toISOString(),
  };
  const live = new LiveProcesses({ ...common, tickMs: TICK_MS });
  const streams = new EventStreams({
    ...common,
    replay: { events: options.streams.replayEvents, bytes: options.streams.replayBytes },
    lingerMs: LINGER_MS,
  });
  addProbes(app, view, compatProbes(view));
  addStateRoutes(app, view, run);
  addDocsRoutes(app);
  const streamRoutes = new StreamRoutes(app, clients);
  streamRoutes.add(routes.events, (query, socket, lastEventId) => {
    const client = streams.add(query, socket, lastEventId);
    return { finish: () => streams.finish(client), remove: () => streams.remove(client) };
  });
  streamRoutes.add(routes.liveProcesses, (query, socket) => {
    const client = live.add(query, socket);
    return { finish: () => client.finish(), remove: () => live.remove(client) };
  });
  addCompatRoutes(app, view, streamRoutes, new CompatStream(view.bus, clients));
  let closing: Promise<void> | undefined;
  return {
    async listen() {
      const host = await resolveHost(options.listen, NAME);
      const address = { host, port: options.listen.port };
      if (tokens === null && !isLoopbackAddress(host)) throw tokenRequired(address);
      return openListener(app, address, NAME);
    },
    streams: () => streams.stats(),
    liveProcesses: () => live.stats(),
    access: () => access,
    served,
    close() {
      streamRoutes.end();
      streams.stop();
      live.stop();
      closing ??= close(options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS);
      return closing;
    },
  };
}

function addStateRoutes(app: FastifyInstance, view: AgentView, run: string): void {
  const { model } = view;
  addRoute(app, routes.status, () => view.status());
  addRoute(app, routes.processes, ({ query }) => measuredProcessPage(view, query, run));
  addRoute(app, routes.process, ({ params }) => processDetailJson(findProcess(model, params.id), model));
  addRoute(app, routes.processTree, ({ params }) => processTree(model, findProcess(model, params.id)));
  addRoute(app, routes.activity, ({ query }) => activityJson(view, query));
  addRoute(app, routes.evidence, ({ query }) => view.evidence(query));
  addRoute(app, routes.doctor, () => view.doctor());
  addRoute(app, routes.configuration, () => view.configuration());
}

function tokenRequired(address: ListenAddress): CognitodError {
  return new CognitodError(
    'TOKEN_REQUIRED',
    `the API listener at ${hostPort(address)} can be reached from outside this machine, and no token is set`,
    { hint: 'set api.token_file, or listen on 127.0.0.1 with --api-listen or api.listen' },
  );
}
