// Sends requests to the Kubernetes API with the credentials of the moment.
import type { Agent, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { KubeAccess, KubeTarget, TlsMaterial } from './target.ts';
import { KubeFailure, transportFailure } from './kube-failure.ts';
import type { KubeTimes } from './times.ts';

// An import of node:http reads all its exports, and the one for WebSockets loads undici: 11 MB resident.
const { Agent: HttpAgent, request: requestHttp } = process.getBuiltinModule('node:http');

export interface Answer {
  readonly status: number;
  readonly body: string;
  /** From the header Retry-After; 0 without it. */
  readonly retryAfterMs: number;
}

/** An answer that is read as it comes. Whoever gets one reads it to its end or destroys it. */
export interface OpenAnswer {
  readonly status: number;
  readonly retryAfterMs: number;
  /** Rejects with a KubeFailure when the connection breaks or is silent for too long. */
  chunks(): AsyncGenerator<Buffer>;
  destroy(): void;
}

/** What is written: an object to create or replace, or a patch. */
export interface Change {
  readonly method: 'POST' | 'PUT' | 'PATCH';
  readonly body: object;
  /** By default `application/json`; of a patch its kind. */
  readonly contentType?: string;
}

/** A node's pods with 500 on a page are some MB; this is for servers that are none. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
const MAX_ANSWER_MS = 300_000;
const MAX_RETRY_AFTER_MS = 30_000;

export class KubeClient {
  readonly #target: KubeTarget;
  readonly #times: Required<KubeTimes>;
  readonly #onRequest: () => void;
  readonly #closed = new AbortController();
  #agent: Agent | undefined;
  /** What the agent was made for: its connections must not outlive a change. */
  #agentKey = '';

  constructor(target: KubeTarget, times: Required<KubeTimes>, onRequest: () => void) {
    this.#target = target;
    this.#times = times;
    this.#onRequest = onRequest;
  }

  get endpoint(): string {
    return this.#target.endpoint;
  }

  /** Aborted by `close`. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  close(): void {
    this.#closed.abort();
    this.#agent?.destroy();
  }

  /** The whole answer, whatever its status. Rejects with a KubeFailure without one. */
  get(path: string): Promise<Answer> {
    return this.#ask(path, null);
  }

  /**
   * As `get`. After a connection that broke it may be sent twice: the object must carry a resourceVersion or be new, so
   * that the second time is a conflict.
   */
  change(path: string, change: Change): Promise<Answer> {
    return this.#ask(path, change);
  }

  async #ask(path: string, change: Change | null): Promise<Answer> {
    const answer = await this.open(path, this.#times.answerIdleMs, change);
    // A server that drips must not hold the agent for ever.
    const limit = setTimeout(() => answer.destroy(), MAX_ANSWER_MS).unref();
    try {
      const { status, retryAfterMs } = answer;
      return { status, retryAfterMs, body: await readText(answer, this.endpoint) };
    } finally {
      clearTimeout(limit);
    }
  }

  /**
   * The answer from its headers on. `idleMs` is the longest silence within it. After a 401 the credentials are read
   * again, and asked with at once if they are others.
   */
  async open(path: string, idleMs: number, change: Change | null = null): Promise<OpenAnswer> {
    const access = await this.#target.access();
    const answer = await this.#openRetrying(access, path, idleMs, change);
    if (answer.status !== 401) return answer;
    this.#target.forget();
    const fresh = await this.#target.access();
    const same = fresh.token === access.token && JSON.stringify(fresh.tls) === JSON.stringify(access.tls);
    if (same) return answer;
    answer.destroy();
    return this.#openRetrying(fresh, path, idleMs, change);
  }

  /** A kept connection may have been closed by the server just now: that is no failure yet. */
  async #openRetrying(
    access: KubeAccess,
    path: string,
    idleMs: number,
    change: Change | null,
  ): Promise<OpenAnswer> {
    try {
      return await this.#send(access, path, idleMs, change);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      closeIdle(this.#agent);
      return await this.#send(access, path, idleMs, change, true);
    }
  }

  #send(
    access: KubeAccess,
    path: string,
    idleMs: number,
    change: Change | null,
    again = false,
  ): Promise<OpenAnswer> {
    const { connectMs, answerIdleMs } = this.#times;
    const { promise, resolve, reject } = Promise.withResolvers<OpenAnswer>();
    const fail = (error: Error) => reject(transportFailure(this.endpoint, error));
    if (this.signal.aborted) {
      fail(new Error('closed'));
      return promise;
    }
    this.#onRequest();
    try {
      const { url, token } = access;
      const body = change === null ? undefined : JSON.stringify(change.body);
      const secure = url.protocol === 'https:';
      const outgoing = (secure ? requestHttps : requestHttp)({
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port || (secure ? 443 : 80),
        method: change?.method ?? 'GET',
        path: url.pathname.replace(/\/$/, '') + path,
        headers: {
          accept: 'application/json',
          'user-agent': 'cognitod',
          ...(body === undefined
            ? {}
            : {
                'content-type': change?.contentType ?? 'application/json',
                'content-length': Buffer.byteLength(body),
              }),
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        agent: this.#agentFor(access),
        signal: this.signal,
      });
      const limit = (ms: number, what: string) =>
        setTimeout(() => outgoing.destroy(new Error(`${what} in ${ms} ms`)), ms).unref();
      const connecting = limit(connectMs, 'no connection');
      const waiting = limit(connectMs + answerIdleMs, 'no answer');
      const settle = () => {
        clearTimeout(connecting);
        clearTimeout(waiting);
      };
      outgoing.on('socket', (socket) => {
        if (outgoing.reusedSocket) clearTimeout(connecting);
        else socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
      });
      outgoing.on('error', (error) => {
        settle();
        if (outgoing.reusedSocket && !again && !this.signal.aborted) reject(new StaleConnection());
        else fail(error);
      });
      outgoing.on('response', (incoming) => {
        settle();
        resolve(openAnswer(incoming, idleMs, this.endpoint));
      });
      outgoing.end(body);
    } catch (error) {
      fail(error as Error);
    }
    return promise;
  }

  #agentFor({ url, tls }: KubeAccess): Agent {
    const key = JSON.stringify([url.origin, tls]);
    if (this.#agent !== undefined && key === this.#agentKey) return this.#agent;
    // Requests under way keep their connections: only idle ones go.
    closeIdle(this.#agent);
    const options = { keepAlive: true, maxFreeSockets: 1 };
    this.#agent =
      url.protocol === 'https:' ? new HttpsAgent({ ...options, ...tlsOptions(tls) }) : new HttpAgent(options);
    this.#agentKey = key;
    return this.#agent;
  }
}

class StaleConnection extends Error {}

function closeIdle(agent: Agent | undefined): void {
  for (const sockets of Object.values(agent?.freeSockets ?? {}))
    for (const socket of sockets ?? []) socket.destroy();
}

function tlsOptions({ ca, cert, key, serverName, verify }: TlsMaterial) {
  return {
    rejectUnauthorized: verify,
    ...(ca === null ? {} : { ca }),
    ...(cert === null || key === null ? {} : { cert, key }),
    ...(serverName === null ? {} : { servername: serverName }),
  };
}

function openAnswer(incoming: IncomingMessage, idleMs: number, endpoint: string): OpenAnswer {
  // An answer that nobody reads any more must not end the process with an unhandled error.
  incoming.on('error', () => {});
  return {
    status: incoming.statusCode ?? 0,
    retryAfterMs: parseRetryAfter(incoming.headers['retry-after']),
    destroy: () => void incoming.destroy(),
    async *chunks() {
      const silent = new KubeFailure('unreachable', `${endpoint} is silent since ${idleMs} ms`);
      const idle = setTimeout(() => incoming.destroy(silent), idleMs).unref();
      try {
        for await (const chunk of incoming) {
          idle.refresh();
          yield chunk as Buffer;
        }
      } catch (error) {
        throw transportFailure(endpoint, error as Error);
      } finally {
        clearTimeout(idle);
        incoming.destroy();
      }
    },
  };
}

async function readText(answer: Pick<OpenAnswer, 'chunks'>, endpoint: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.chunks()) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES)
      throw new KubeFailure(
        'misconfigured',
        `an answer of ${endpoint} is larger than ${MAX_ANSWER_BYTES} bytes`,
      );
  }
  return Buffer.concat(chunks, bytes).toString('utf8');
}

/** Seconds only; the API server sends no dates. */
function parseRetryAfter(value: string | undefined): number {
  return value !== undefined && /^\d{1,6}$/.test(value)
    ? Math.min(Number(value) * 1000, MAX_RETRY_AFTER_MS)
    : 0;
}
