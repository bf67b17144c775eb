// The objects that the webhook reads and writes, as an API server keeps them: versions, conflicts, patches, watches.
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface StoredObject {
  /** Of a webhook configuration. */
  webhooks?: {
    name: string;
    timeoutSeconds?: number;
    clientConfig: { caBundle?: string; service?: object };
  }[];
  /** Of a Secret. */
  data?: Record<string, string>;
  metadata: { name: string; resourceVersion?: string; [key: string]: unknown };
  [key: string]: unknown;
}

const NAMESPACES = '/api/v1/namespaces';
const NODES = '/api/v1/nodes';

/** Objects by their path, e.g. `/api/v1/namespaces/shop`. */
export class ObjectStore {
  readonly objects = new Map<string, StoredObject>();
  /** `METHOD path` of every request. */
  readonly requests: string[] = [];
  /** e.g. `PATCH /api/v1/namespaces/ns/secrets/name`: forbidden. */
  readonly forbidden = new Set<string>();
  version = { major: '1', minor: '31' };
  /** Called between a request's arrival and its effect: the moment of another writer. */
  before: (method: string, path: string) => void = () => {};
  #resourceVersion = 1;
  readonly #watchers = new Map<ServerResponse, string>();
  /** Every change of a namespace or node, for watches that begin before it. */
  readonly #changes: { version: number; list: string; line: string }[] = [];

  get watching(): number {
    return this.#watchers.size;
  }

  put(path: string, object: StoredObject): StoredObject {
    const type = this.objects.has(path) ? 'MODIFIED' : 'ADDED';
    const metadata = { ...object.metadata, resourceVersion: String(++this.#resourceVersion) };
    const stored = { ...object, metadata };
    this.objects.set(path, stored);
    this.#tell(path, type, stored);
    return stored;
  }

  remove(path: string): void {
    const object = this.objects.get(path);
    if (object === undefined) return;
    this.objects.delete(path);
    const metadata = { ...object.metadata, resourceVersion: String(++this.#resourceVersion) };
    this.#tell(path, 'DELETED', { ...object, metadata });
  }

  namespace(
    name: string,
    annotations: Record<string, string> = {},
    labels: Record<string, string> = {},
  ): void {
    this.put(`${NAMESPACES}/${name}`, { metadata: { name, annotations, labels } });
  }

  node(name: string, kubeletVersion: string): void {
    this.put(`${NODES}/${name}`, { metadata: { name }, status: { nodeInfo: { kubeletVersion } } });
  }

  /** For FakeKube. */
  readonly handle = (request: IncomingMessage, response: ServerResponse, url: URL): boolean => {
    const { method = 'GET' } = request;
    this.requests.push(`${method} ${url.pathname}`);
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      this.before(method, url.pathname);
      if (this.forbidden.has(`${method} ${url.pathname}`)) status(response, 403, 'forbidden by the test');
      else this.#answer(method, url, body, response);
    });
    return true;
  };

  #answer(method: string, url: URL, body: string, response: ServerResponse): void {
    const { pathname: path, searchParams } = url;
    if (path === '/version') {
      send(response, 200, this.version);
      return;
    }
    if ((path === NAMESPACES || path === NODES) && method === 'GET') {
      if (searchParams.get('watch') !== 'true') {
        this.#list(path, response);
        return;
      }
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
      const from = Number(searchParams.get('resourceVersion'));
      for (const { version, list, line } of this.#changes)
        if (version > from && list === path) response.write(line);
      this.#watchers.set(response, path);
      response.on('close', () => this.#watchers.delete(response));
      return;
    }
    if (method === 'POST') {
      const object = JSON.parse(body) as StoredObject;
      const created = `${path}/${object.metadata.name}`;
      if (this.objects.has(created)) {
        status(response, 409, 'already exists');
        return;
      }
      send(response, 201, this.put(created, object));
      return;
    }
    const object = this.objects.get(path);
    if (object === undefined) {
      status(response, 404, 'not found');
      return;
    }
    if (method === 'GET') {
      send(response, 200, object);
      return;
    }
    const patch = JSON.parse(body) as StoredObject;
    if (patch.metadata.resourceVersion !== object.metadata.resourceVersion)
      status(response, 409, 'the object has been modified');
    else send(response, 200, this.put(path, merged(object, patch)));
  }

  #list(list: string, response: ServerResponse): void {
    const items = [...this.objects].filter(([path]) => listOf(path) === list).map(([, object]) => object);
    send(response, 200, { metadata: { resourceVersion: String(this.#resourceVersion) }, items });
  }

  #tell(path: string, type: string, object: StoredObject): void {
    const list = listOf(path);
    if (list === null) return;
    const line = `${JSON.stringify({ type, object })}\n`;
    this.#changes.push({ version: this.#resourceVersion, list, line });
    for (const [watcher, watched] of this.#watchers) if (watched === list) watcher.write(line);
  }
}

/** The list that can be watched and has the object; null for others. */
const listOf = (path: string) => /^(\/api\/v1\/(?:namespaces|nodes))\/[^/]+$/.exec(path)?.[1] ?? null;

/** As a strategic merge patch: lists of named things are merged by name. */
function merged<T>(old: T, patch: unknown): T {
  if (Array.isArray(patch) && Array.isArray(old))
    return old.map((item) => {
      const change = patch.find(({ name }) => name === item.name);
      return change === undefined ? item : merged(item, change);
    }) as T;
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch as T;
  const result = { ...(old as Record<string, unknown>) };
  for (const [key, value] of Object.entries(patch)) result[key] = merged(result[key], value);
  return result as T;
}

function status(response: ServerResponse, code: number, message: string): void {
  send(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message });
}

function send(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
