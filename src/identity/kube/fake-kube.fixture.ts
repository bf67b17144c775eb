// A Kubernetes API server of a test: real connections, the protocol of lists and watches, and their faults.
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { KubeTarget } from './target.ts';
import { type Change, Expired, FakeCluster } from './fake-cluster.fixture.ts';

/** What the next request meets, whatever it asks for; `ms` delays the answer. */
export type Fault =
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Record<string, string> }
  | { readonly kind: 'drop' }
  | { readonly kind: 'hang' }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'body'; readonly body: string };

/** Answers requests for other objects than pods and their owners; false leaves one to the fake. */
export type OtherObjects = (request: IncomingMessage, response: ServerResponse, url: URL) => boolean;

interface Watcher {
  readonly node: string | null;
  readonly response: ServerResponse;
  readonly bookmarks: boolean;
}

export interface Counters {
  lists: number;
  pages: number;
  watches: number;
  /** By path. */
  readonly owners: Map<string, number>;
  unauthorized: number;
  bytes: number;
  /** Most lists that were answered at the same time. */
  listsAtOnce: number;
  connections: number;
}

export class FakeKube {
  readonly cluster = new FakeCluster();
  readonly faults: Fault[] = [];
  /** Null lets everybody in. */
  tokens: Set<string> | null = null;
  /** e.g. `list pods`, `watch pods`, `get replicasets`. */
  readonly forbidden = new Set<string>();
  /** Tell 410 of a watch as an event after status 200 instead of as the status. */
  goneAsEvent = false;
  /** Nothing is written to watchers, as on a connection that is half dead. */
  silent = false;
  /** Pages are as small as this, whatever the client asks for. */
  pageLimit = Infinity;
  listDelayMs = 0;
  others: OtherObjects = () => false;
  readonly counters: Counters = {
    lists: 0,
    pages: 0,
    watches: 0,
    owners: new Map(),
    unauthorized: 0,
    bytes: 0,
    listsAtOnce: 0,
    connections: 0,
  };
  /** Every request in its order. */
  readonly requests: URL[] = [];
  readonly authorizations: (string | undefined)[] = [];
  readonly #tls: ServerOptions | null;
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Set<Watcher>();
  #server: Server | undefined;
  #port = 0;
  #listing = 0;

  constructor(tls: ServerOptions | null = null) {
    this.#tls = tls;
    this.cluster.onChange = (change) => this.#tell(change);
  }

  get url(): string {
    return `${this.#tls === null ? 'http' : 'https'}://127.0.0.1:${this.#port}`;
  }

  get watching(): number {
    return this.#watchers.size;
  }

  /** On the same port as before. */
  async listen(): Promise<this> {
    const handle = (request: IncomingMessage, response: ServerResponse) =>
      void this.#handle(request, response);
    const server: Server = this.#tls === null ? createHttp(handle) : createHttps(this.#tls, handle);
    server.on('connection', (socket: Socket) => {
      this.counters.connections++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** A connection without TLS that reads its token from here. */
  target(token: () => string | null = () => null): KubeTarget {
    const tls = { ca: null, cert: null, key: null, serverName: null, verify: true };
    return {
      endpoint: this.url,
      access: async () => ({ url: new URL(this.url), token: token(), tls }),
      forget: () => {},
    };
  }

  /** To every watcher that wants them. */
  bookmark(): void {
    const { version } = this.cluster;
    const line = `{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"${version}"}}}\n`;
    for (const { response, bookmarks } of this.#watchers) if (bookmarks) this.#write(response, line);
  }

  /** Ends all watches as when their time is over. */
  endWatches(): void {
    for (const { response } of this.#watchers) response.end();
    this.#watchers.clear();
  }

  /** Cuts the connections of all watches, in the middle of a line if one is given. */
  dropWatches(partOfLine = ''): void {
    for (const { response } of this.#watchers) {
      if (partOfLine === '') response.destroy();
      else response.write(partOfLine, () => response.destroy());
    }
    this.#watchers.clear();
  }

  /** Writes a line to all watches, whatever it is. */
  inject(line: string): void {
    for (const { response } of this.#watchers) this.#write(response, line);
  }

  /** Tells all watchers that they are too far behind. */
  expireWatches(): void {
    for (const { response } of this.#watchers) {
      this.#write(response, GONE_EVENT);
      response.end();
    }
    this.#watchers.clear();
  }

  #tell(change: Change): void {
    if (this.silent) return;
    for (const { node, response } of this.#watchers)
      if (node === null || node === change.node) this.#write(response, change.line);
  }

  #write(response: ServerResponse, text: string): void {
    this.counters.bytes += Buffer.byteLength(text);
    response.write(text);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    this.requests.push(url);
    this.authorizations.push(request.headers.authorization);
    response.on('error', () => {});
    const fault = this.faults.shift();
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'drop') return void request.socket.destroy();
    if (fault?.kind === 'slow') await new Promise((resolve) => setTimeout(resolve, fault.ms));
    if (fault?.kind === 'status')
      return this.#status(response, fault.status, 'a fault of the test', fault.headers);
    if (fault?.kind === 'body') return this.#send(response, 200, fault.body);
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    if (this.tokens !== null && !this.tokens.has(token)) {
      this.counters.unauthorized++;
      return this.#status(response, 401, 'Unauthorized');
    }
    if (this.others(request, response, url)) return;
    if (url.pathname !== '/api/v1/pods') return this.#owner(url, response);
    const isWatch = url.searchParams.get('watch') === 'true';
    const doing = isWatch ? 'watch pods' : 'list pods';
    if (this.forbidden.has(doing)) return this.#forbid(response, doing);
    try {
      if (isWatch) this.#watch(url, response);
      else await this.#list(url, response);
    } catch (error) {
      if (!(error instanceof Expired)) throw error;
      if (isWatch && this.goneAsEvent) {
        response.writeHead(200, { 'content-type': 'application/json' });
        this.#write(response, GONE_EVENT);
        response.end();
      } else this.#status(response, 410, 'too old resource version', {}, 'Expired');
    }
  }

  async #list(url: URL, response: ServerResponse): Promise<void> {
    const token = url.searchParams.get('continue') ?? '';
    this.counters.pages++;
    if (token === '') this.counters.lists++;
    const limit = Math.min(Number(url.searchParams.get('limit') ?? Infinity), this.pageLimit);
    const page = this.cluster.list(nodeOf(url), limit, token);
    this.counters.listsAtOnce = Math.max(this.counters.listsAtOnce, ++this.#listing);
    // A list that was given up is none any more: the next may begin before this answer would have been written.
    let isOver = false;
    const end = () => {
      if (!isOver) this.#listing--;
      isOver = true;
    };
    response.once('close', end);
    if (this.listDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.listDelayMs));
    end();
    const metadata = JSON.stringify({ resourceVersion: String(page.version), continue: page.next });
    this.#send(
      response,
      200,
      `{"kind":"PodList","apiVersion":"v1","metadata":${metadata},"items":[${page.items.join()}]}`,
    );
  }

  #watch(url: URL, response: ServerResponse): void {
    this.counters.watches++;
    const node = nodeOf(url);
    const missed = this.cluster.since(Number(url.searchParams.get('resourceVersion')), node);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const bookmarks = url.searchParams.get('allowWatchBookmarks') === 'true';
    const watcher = { node, response, bookmarks };
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
    if (!this.silent) for (const { line } of missed) this.#write(response, line);
  }

  #owner(url: URL, response: ServerResponse): void {
    const { owners } = this.counters;
    owners.set(url.pathname, (owners.get(url.pathname) ?? 0) + 1);
    const [, , , , , , resource, name] = url.pathname.split('/');
    const owner = this.cluster.owners.get(url.pathname);
    if (this.forbidden.has(`get ${resource}`)) this.#forbid(response, `get ${resource}`);
    else if (owner === undefined) this.#status(response, 404, `${resource} "${name}" not found`);
    else {
      const { uid, controller } = owner;
      const ownerReferences = controller === undefined ? [] : [{ ...controller, controller: true }];
      this.#send(response, 200, JSON.stringify({ metadata: { name, uid, ownerReferences } }));
    }
  }

  #forbid(response: ServerResponse, doing: string): void {
    const [verb, resource] = doing.split(' ');
    const user = 'system:serviceaccount:kube-system:cognitod';
    const message = `${resource} is forbidden: User "${user}" cannot ${verb} resource "${resource}" in API group ""`;
    this.#status(response, 403, message);
  }

  #status(response: ServerResponse, code: number, message: string, headers = {}, reason = ''): void {
    const body = JSON.stringify({
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      message,
      reason,
      code,
    });
    this.#send(response, code, body, headers);
  }

  #send(response: ServerResponse, status: number, body: string, headers = {}): void {
    this.counters.bytes += Buffer.byteLength(body);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body);
  }
}

const GONE_EVENT = `${JSON.stringify({
  type: 'ERROR',
  object: {
    kind: 'Status',
    status: 'Failure',
    message: 'too old resource version',
    reason: 'Expired',
    code: 410,
  },
})}\n`;

const nodeOf = (url: URL) =>
  /^spec\.nodeName=(.*)$/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1] ?? null;
