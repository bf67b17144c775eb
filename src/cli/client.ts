// Talks to the agent's API; every fault becomes an error that says what to do.
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { type Asked, pathFor, type RouteContract } from '../api/index.ts';
import { CognitodError, ERROR_CODES, type ErrorCode } from '../lib/errors.ts';
import { describe } from './connection-words.ts';
import { parseExact } from './exact-json.ts';
import type { ClientTls } from './tls-settings.ts';

export interface ClientSettings extends ClientTls {
  /** Base address; a path (of a proxy) goes before the routes. */
  readonly api: URL;
  readonly token: string | null;
}

export type Query = Readonly<Record<string, string | number | undefined>>;

/** The agent may not be silent for longer before and within an answer; event streams may. */
const ANSWER_TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;
/** Between events a dead peer is noticed by the kernel only. */
const KEEP_ALIVE_MS = 15_000;
const HINT_WHERE = 'say where the agent is: --api URL, or COGNITOD_API';

/** Something answers, and it is no agent that this client knows: to wait does not help. */
export class NotAnAgent extends CognitodError {}

export class ApiClient {
  readonly #settings: ClientSettings;
  readonly #timeoutMs: number;
  readonly #signal: AbortSignal | undefined;

  /** `signal` ends whatever is under way, also in the middle of an answer. */
  constructor(settings: ClientSettings, answerTimeoutMs = ANSWER_TIMEOUT_MS, signal?: AbortSignal) {
    this.#settings = settings;
    this.#timeoutMs = answerTimeoutMs;
    this.#signal = signal;
  }

  /** For people; without the credentials that a URL may hold. */
  get address(): string {
    const { origin, pathname, protocol } = this.#settings.api;
    if (protocol === 'unix:') return `unix:${decodeURIComponent(pathname)}`;
    return origin + pathname.replace(/\/+$/, '');
  }

  /**
   * A document, checked against its schema but otherwise as the agent sent it: with fields that this client does
   * not know, and integers above 2^53 as objects that only JSON.stringify understands.
   */
  async get<Contract extends RouteContract>(
    contract: Contract,
    asked: Asked<Contract> = {},
  ): Promise<z.output<Contract['answer']>> {
    const text = await this.#readAll(await this.#open(contract, asked, 'application/json'));
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      throw this.notOurs('its answer is not JSON');
    }
    if (contract.answer.safeParse(answer).success)
      return (parseExact(text) ?? answer) as z.output<Contract['answer']>;
    this.checkVersion(answer);
    throw this.notOurs('its answer has another form than expected');
  }

  /** The response of a stream once its head has come; the body is the caller's. With an id it goes on after that record. */
  async openStream<Contract extends RouteContract>(
    contract: Contract,
    query: NonNullable<Asked<Contract>['query']>,
    lastEventId?: string,
  ): Promise<IncomingMessage> {
    const resume = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    const response = await this.#open(contract, { query }, 'text/event-stream', resume);
    const type = response.headers['content-type'] ?? 'no content type';
    if (/^text\/event-stream\b/i.test(type)) {
      response.socket.setKeepAlive(true, KEEP_ALIVE_MS);
      return response;
    }
    response.destroy();
    throw this.notOurs(`it answers with ${type}, not with an event stream`);
  }

  /** @throws when a document or record is of a version that this client does not know */
  checkVersion(document: unknown): void {
    const version = (document as { schema_version?: unknown } | null)?.schema_version;
    if (typeof version !== 'number' || version <= 1) return;
    throw new NotAnAgent(
      'API_UNREACHABLE',
      `the agent at ${this.address} answers with schema version ${version}, this client knows 1`,
      { hint: 'use the cognitod that the agent is, or a newer one' },
    );
  }

  unreachable(reason: string, cause: unknown): CognitodError {
    return new CognitodError('API_UNREACHABLE', `the agent at ${this.address} does not answer: ${reason}`, {
      hint: 'start it (./cognitod agent), or say where it is: --api URL, or COGNITOD_API',
      cause,
    });
  }

  notOurs(reason: string, cause?: unknown): NotAnAgent {
    return new NotAnAgent(
      'API_UNREACHABLE',
      `${this.address} is not a cognitod agent that this client knows: ${reason}`,
      { hint: HINT_WHERE, cause },
    );
  }

  async #open(
    contract: RouteContract,
    { query = {}, params }: Asked<RouteContract>,
    accept: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<IncomingMessage> {
    const { api, token, ca, cert, key } = this.#settings;
    const path = pathFor(contract.path, params);
    const isUnix = api.protocol === 'unix:';
    const url = new URL(isUnix ? 'http://localhost/' : api);
    url.pathname = url.pathname.replace(/\/+$/, '') + path;
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const headers = { accept, ...more, ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
    const signal = this.#signal === undefined ? {} : { signal: this.#signal };
    // TLS is loaded only where it is used: it takes as long as all of the client.
    const send = url.protocol === 'https:' ? (await import('node:https')).request : httpRequest;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      let outgoing: ClientRequest;
      try {
        const where = {
          ...(isUnix ? { socketPath: decodeURIComponent(api.pathname) } : {}),
          ...(ca === undefined ? {} : { ca }),
          ...(cert === undefined ? {} : { cert, key }),
        };
        outgoing = send(url, { headers, timeout: this.#timeoutMs, agent: false, ...where, ...signal });
      } catch (cause) {
        reject(this.unreachable(describe(cause), cause));
        return;
      }
      outgoing.on('timeout', () =>
        outgoing.destroy(new Error(`no answer within ${this.#timeoutMs / 1000} s`)),
      );
      outgoing.on('error', (cause) => reject(this.unreachable(describe(cause, cert !== undefined), cause)));
      outgoing.on('response', (incoming) => {
        outgoing.setTimeout(0);
        resolve(incoming);
      });
      outgoing.end();
    });
    if (response.statusCode === 200) return response;
    throw await this.#refusal(response, contract, path);
  }

  async #readAll(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.setTimeout(this.#timeoutMs, () =>
      response.destroy(new Error('the answer stopped in the middle')),
    );
    try {
      for await (const chunk of response) {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
        chunks.push(chunk);
      }
    } catch (cause) {
      throw this.unreachable(describe(cause), cause);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  /** An agent takes connections with any certificate, and then does not know who asks. */
  #hintUnauthorized(said: string): string {
    const { cert } = this.#settings;
    const token = 'give the token: --token-file FILE, or COGNITOD_TOKEN';
    if (cert !== undefined)
      return `it does not trust the certificate of --cert-file: it must be of the authority in its api.tls.client_ca_file. Or ${token}`;
    return said.includes('client certificate')
      ? `${token}; or a certificate: --cert-file, --key-file`
      : token;
  }

  async #refusal(response: IncomingMessage, contract: RouteContract, path: string): Promise<CognitodError> {
    const problem = parseProblem(await this.#readAll(response));
    const said = problem?.detail ?? `status ${response.statusCode}`;
    switch (response.statusCode) {
      case 401:
        return new CognitodError('API_REFUSED', `the agent at ${this.address} refuses: ${said}`, {
          hint: this.#hintUnauthorized(said),
        });
      case 403:
        return new CognitodError('API_REFUSED', `the agent at ${this.address} refuses: ${said}`, {
          hint:
            problem?.code === 'FORBIDDEN'
              ? 'give the admin token (--token-file FILE, or COGNITOD_TOKEN), or a certificate whose name is in api.tls.admin_names'
              : 'without a token it answers only to the name of its own address: --api http://127.0.0.1:PORT',
        });
      case 404:
        // Only a route that names something can miss it; another one is unknown, as on the operations listener.
        if (problem === undefined || !contract.path.includes(':'))
          return this.notOurs(`it does not know the route ${path}`);
        return new CognitodError('NOT_FOUND', said);
      case 400:
        if (problem === undefined) return this.notOurs('it does not take the request');
        return new CognitodError('USAGE', `the agent does not take the request: ${said}`);
      default:
        if (problem === undefined) return this.notOurs(`it answers with status ${response.statusCode}`);
        return new CognitodError(
          Object.hasOwn(ERROR_CODES, problem.code) ? (problem.code as ErrorCode) : 'INTERNAL',
          `the agent at ${this.address} answers with an error (${response.statusCode}): ${said}`,
        );
    }
  }
}

function parseProblem(text: string): { detail: string; code: string } | undefined {
  try {
    const problem = JSON.parse(text);
    return typeof problem?.detail === 'string' && typeof problem.code === 'string' ? problem : undefined;
  } catch {
    return undefined;
  }
}
