// The API listener: status, processes and the event stream, behind a token or the loopback address.
import { randomBytes } from 'node:crypto';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { routes } from '../api/index.ts';
import type { PeerCredentials } from '../os/index.ts';
import type { Closable } from '../lib/close.ts';
import { CognitodError } from '../lib/errors.ts';
import { formatListen, type ListenAddress } from '../lib/listen.ts';
import { Tasks } from '../lib/tasks.ts';
import type { ApiTokens } from '../lib/token.ts';
import {
  AccessCounts,
  BacklogPump,
  type BoundAddress,
  type HttpLog,
  type ListenerName,
  RateLimit,
  type ServedRoute,
  StreamClients,
  type TlsFiles,
  type TlsMaterial,
  type TlsStats,
  TlsWatcher,
  accessGuard,
  accessLine,
  addProbes,
  createHttpApp,
  isLoopbackAddress,
  openListener,
  readTls,
  resolveHost,
} from '../http/index.ts';
import type { AgentView } from './agent-view.ts';
import { addCompatRoutes, compatProbes } from './compat/compat-routes.ts';
import { CompatStream } from './compat/compat-stream.ts';
import { addDocuments } from './documents.ts';
import { addDocsRoutes } from './pages/docs-routes.ts';
import { EventStreams, type StreamStats } from './streams/event-streams.ts';
import { LiveProcesses, type LiveStats } from './streams/live-processes.ts';
import { StreamRoutes } from './streams/stream-route.ts';
import { openUnixListener } from './unix-listener.ts';
import { addWebFiles, findWebDirectory, readWebFiles } from './pages/web-files.ts';

const NAME: ListenerName = { name: 'API', flag: '--api-listen', key: 'api.listen' };
const CLOSE_TIMEOUT_MS = 2_000;
/** How often certificates are looked at. */
const TLS_LOOK_MS = 5_000;

export interface ApiServerOptions {
  readonly listen: ListenAddress;
  /** Null: no authentication, which only a loopback address allows. */
  readonly tokens: ApiTokens | null;
  /** Null or left out: http. */
  readonly tls?: ApiTls | null;
  /** Path of a Unix socket to listen on as well. */
  readonly socket?: string | null;
  /** Null or left out: none. */
  readonly rateLimit?: { readonly perSecond: number; readonly burst: number } | null;
  readonly view: AgentView;
  readonly log: HttpLog;
  readonly tasks?: Tasks;
  /** Is given a line for each request when it was answered. */
  readonly logAccess?: ((line: string) => void) | undefined;
  readonly streams: StreamSettings;
  /** Where the built dashboard is; where builds put it when not given. */
  readonly webDirectory?: string;
  /** How long streams and requests under way may take to finish at close. */
  readonly closeTimeoutMs?: number;
}

export interface ApiTls {
  readonly files: TlsFiles;
  /** Client certificates that may do everything. */
  readonly adminNames: readonly string[];
  readonly info: (text: string) => void;
  readonly warn: (text: string) => void;
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

/** How long what was sent is kept for clients that come back, when there is no client any more. */
const LINGER_MS = 300_000;
/** Changes of a process within this time are one record of the live list. */
const TICK_MS = 250;

export interface ApiServer extends Closable {
  /** @throws CognitodError TOKEN_REQUIRED or LISTEN_FAILED */
  listen(): Promise<BoundAddress>;
  streams(): StreamStats;
  liveProcesses(): LiveStats;
  /** Who asked for what so far. */
  access(): AccessCounts;
  /** Connections that had to make room for others, so far. */
  connectionsCut(): number;
  /** Null without TLS. */
  tls(): TlsStats | null;
  /** Every route with who may ask. */
  readonly served: readonly ServedRoute[];
}

export function createApiServer(options: ApiServerOptions): ApiServer {
  const { view, tokens, tasks = new Tasks() } = options;
  const access = new AccessCounts();
  const peers = new WeakMap<Socket, PeerCredentials>();
  const files = options.tls?.files ?? null;
  const tls = files === null ? null : readTls(files);
  const clientCertificates =
    files === null || files.clientCaFile === null ? null : { adminNames: options.tls!.adminNames };
  const { rateLimit } = options;
  const { app, served, addServer, cut, close } = createHttpApp(options.log, {
    guard: accessGuard({ tokens, clientCertificates, peers }),
    rateLimit: rateLimit ? new RateLimit({ ...rateLimit, nowMs: () => performance.now() }) : null,
    tls,
    noteAccess: (request) => {
      const who = request.caller?.who ?? 'refused';
      const { method, route, status } = request;
      access.note({ who, method, route, status });
      options.logAccess?.(accessLine(who, request, new Date()));
    },
  });
  const watcher = tls === null ? null : watchTls(app, options.tls!, tls);
  let stopLooking = () => {};
  // Marks ids and paging cursors of this run of the agent.
  const run = randomBytes(4).toString('hex');
  const clients = new StreamClients({
    ...options.streams,
    heartbeatMs: options.streams.heartbeatSeconds * 1000,
    tasks,
  });
  const common = {
    bus: view.bus,
    model: view.model,
    clients,
    pump: new BacklogPump(tasks),
    run,
    now: () => new Date().toISOString(),
  };
  const { replayBytes } = options.streams;
  const live = new LiveProcesses({
    ...common,
    tickMs: TICK_MS,
    tasks,
    logBytes: replayBytes,
    lingerMs: LINGER_MS,
  });
  const streams = new EventStreams({
    ...common,
    replay: { events: options.streams.replayEvents, bytes: replayBytes },
    lingerMs: LINGER_MS,
  });
  addProbes(app, view, compatProbes(view));
  addWebFiles(app, readWebFiles(options.webDirectory ?? findWebDirectory()));
  addDocuments(app, view, run);
  addDocsRoutes(app);
  const streamRoutes = new StreamRoutes(app, clients);
  streamRoutes.add(routes.events, (query, socket, lastEventId) => {
    const client = streams.add(query, socket, lastEventId);
    return { finish: () => streams.finish(client), remove: () => streams.remove(client) };
  });
  streamRoutes.add(routes.liveProcesses, (query, socket, lastEventId) => {
    const client = live.add(query, socket, lastEventId);
    return { finish: () => client.finish(), remove: () => live.remove(client) };
  });
  addCompatRoutes(app, view, streamRoutes, new CompatStream(view.bus, clients));
  let closing: Promise<void> | undefined;
  return {
    async listen() {
      const address = await addressOf(options);
      const bound = await openListener(app, address, NAME, tls === null ? 'http' : 'https');
      if (options.socket != null) await openUnixListener(addServer(), options.socket, peers);
      if (watcher !== null)
        stopLooking = tasks.every('looking at certificates', TLS_LOOK_MS, () => watcher.look(), {
          unref: true,
        });
      return bound;
    },
    streams: () => streams.stats(),
    liveProcesses: () => live.stats(),
    access: () => access,
    connectionsCut: cut,
    tls: () => watcher?.stats() ?? null,
    served,
    close() {
      stopLooking();
      streamRoutes.end();
      streams.stop();
      live.stop();
      closing ??= close(options.closeTimeoutMs ?? CLOSE_TIMEOUT_MS);
      return closing;
    },
  };
}

function watchTls(app: FastifyInstance, { files, info, warn }: ApiTls, current: TlsMaterial): TlsWatcher {
  // New connections get the new certificate; those that stand keep theirs.
  const use = (material: TlsMaterial) =>
    (app.server as unknown as HttpsServer).setSecureContext({ ...material, minVersion: 'TLSv1.2' });
  return new TlsWatcher({ files, use, info, warn }, current);
}

async function addressOf({ listen, tokens, tls }: ApiServerOptions): Promise<ListenAddress> {
  const host = await resolveHost(listen, NAME);
  const address = { host, port: listen.port };
  const asksClients = (tls?.files.clientCaFile ?? null) !== null;
  if (tokens === null && !asksClients) requireLoopback(address);
  return address;
}

/** For an API that lets everybody in. @throws CognitodError TOKEN_REQUIRED */
export function requireLoopback(address: ListenAddress): void {
  if (isLoopbackAddress(address.host)) return;
  throw new CognitodError(
    'TOKEN_REQUIRED',
    `the API listener at ${formatListen(address)} can be reached from outside this machine, and no token is set`,
    {
      hint: 'set api.token_file or api.tls.client_ca_file, or listen on 127.0.0.1 with --api-listen or api.listen',
    },
  );
}
