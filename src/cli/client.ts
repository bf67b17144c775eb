// Talks to the agent's API; every fault becomes an error that says what to do.
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { ZodType } from 'zod';
import { CognitodError } from '../lib/errors.ts';

export interface ClientSettings {
  /** Base address, without a path. */
  readonly api: URL;
  readonly token: string | null;
}

const ANSWER_TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

export class ApiClient {
  readonly #settings: ClientSettings;

  constructor(settings: ClientSettings) {
    this.#settings = settings;
  }

  get address(): string {
    return this.#settings.api.origin;
  }

  /** A document, checked against its schema. */
  async get<T>(path: string, query: Query, schema: ZodType<T>): Promise<T> {
    const response = await this.open(path, query);
    const text = await this.#readAll(response);
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      throw this.#notOurs('its answer is not JSON');
    }
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    const version = (answer as { schema_version?: unknown } | null)?.schema_version;
    throw this.#notOurs(
      typeof version === 'number' && version > 1
        ? `it answers with schema version ${version}, this client knows 1`
        : 'its answer has another form than expected',
    );
  }

  /** The response once its head has come with status 200; the body is the caller's. */
  open(path: string, query: Query): Promise<IncomingMessage> {
    const url = new URL(path, this.#settings.api);
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    const { token } = this.#settings;
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      let outgoing: ClientRequest;
      try {
        outgoing = send(url, { headers, timeout: ANSWER_TIMEOUT_MS, agent: false });
      } catch (cause) {
        reject(this.#unreachable(cause instanceof Error ? cause.message : String(cause), cause));
        return;
      }
      outgoing.on('timeout', () =>
        outgoing.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)),
      );
      outgoing.on('error', (cause) => reject(this.#unreachable(describe(cause), cause)));
      outgoing.on('response', (response) => {
        response.setTimeout(0);
        outgoing.setTimeout(0);
        if (response.statusCode === 200) resolve(response);
        else this.#refusal(response).then(reject, reject);
      });
      outgoing.end();
    });
  }

  async #readAll(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.setTimeout(ANSWER_TIMEOUT_MS, () =>
      response.destroy(new Error('the answer stopped in the middle')),
    );
    try {
      for await (const chunk of response) {
        bytes += chunk.length;
        if (bytes > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
        chunks.push(chunk);
      }
    } catch (cause) {
      throw this.#unreachable(describe(cause), cause);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  async #refusal(response: IncomingMessage): Promise<CognitodError> {
    const problem = parseProblem(await this.#readAll(response));
    const said = problem?.detail ?? `status ${response.statusCode}`;
    switch (response.statusCode) {
      case 401:
      case 403:
        return new CognitodError('API_REFUSED', `the agent at ${this.address} refuses: ${said}`, {
          hint: 'give the token: --token-file FILE, or COGNITOD_TOKEN',
        });
      case 404:
        if (problem === undefined) return this.#notOurs('it does not know the route');
        return new CognitodError('NOT_FOUND', said);
      case 400:
        return new CognitodError('USAGE', `the agent does not take the request: ${said}`);
      default:
        if (problem === undefined) return this.#notOurs(`it answers with status ${response.statusCode}`);
        return new CognitodError('API_REFUSED', `the agent failed: ${said}`);
    }
  }

  #unreachable(reason: string, cause: unknown): CognitodError {
    return new CognitodError('API_UNREACHABLE', `the agent at ${this.address} does not answer: ${reason}`, {
      hint: 'start it (./cognitod agent), or say where it is: --api URL, or COGNITOD_API',
      cause,
    });
  }

  #notOurs(reason: string): CognitodError {
    return new CognitodError(
      'API_UNREACHABLE',
      `${this.address} is not a cognitod agent that this client knows: ${reason}`,
      {
        hint: 'say where the agent is: --api URL, or COGNITOD_API',
      },
    );
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>;

function parseProblem(text: string): { detail: string } | undefined {
  try {
    const problem = JSON.parse(text);
    return typeof problem?.detail === 'string' && typeof problem.code === 'string' ? problem : undefined;
  } catch {
    return undefined;
  }
}

const MEANINGS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'no such host',
  EHOSTUNREACH: 'no route to the host',
  HPE_INVALID_CONSTANT: 'it does not speak HTTP',
};

function describe(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  return MEANINGS[code ?? ''] ?? (message || String(error));
}
