// Speaks the Docker Engine API to one socket.
import { Agent, request } from 'node:http';
import { dockerDetails, dockerFacts } from './docker-facts.ts';
import {
  CALL_TIMEOUT_MS,
  type ClientOptions,
  connectFailure,
  MAX_ANSWER_BYTES,
  MAX_VERSION_CHARS,
  type RuntimeClient,
  RuntimeFailure,
} from './runtime-client.ts';
import type { ContainerDetails } from './runtime-facts.ts';
import type { RuntimeFacts } from './runtime-facts.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
}

export function connectDocker(socket: string, options: ClientOptions): RuntimeClient {
  return new DockerClient(socket, options);
}

class DockerClient implements RuntimeClient {
  readonly #socket: string;
  readonly #options: ClientOptions;
  readonly #timeoutMs: number;
  readonly #closed = new AbortController();
  /** A connection per call: they are rare and local, and none goes stale when the runtime restarts. */
  readonly #agent = new Agent({ keepAlive: false });

  constructor(socket: string, options: ClientOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? CALL_TIMEOUT_MS;
  }

  async version(): Promise<string> {
    const answer = this.#json(await this.#get('/version')) as Record<string, unknown> | null;
    if (typeof answer?.Version !== 'string') throw this.#notDocker('it tells no version');
    const { Platform: platform, Version: version } = answer;
    const name = (platform as { Name?: unknown } | undefined)?.Name;
    return `${name ? String(name) : 'Docker'} ${version}`.slice(0, MAX_VERSION_CHARS);
  }

  async list(): Promise<RuntimeFacts> {
    const list = this.#json(await this.#get('/containers/json?all=1'));
    if (!Array.isArray(list)) throw this.#notDocker('the list of containers is no list');
    return dockerFacts(list, this.#options);
  }

  async inspect(id: string): Promise<ContainerDetails | null> {
    const answer = await this.#get(`/containers/${encodeURIComponent(id)}/json`);
    if (answer.status === 404) return null;
    return dockerDetails(this.#json(answer));
  }

  close(): void {
    this.#closed.abort();
    this.#agent.destroy();
  }

  #json({ status, body }: Answer): unknown {
    if (status === 401 || status === 403)
      throw new RuntimeFailure(
        'no-permission',
        `${this.#socket} refuses to list containers: status ${status}`,
      );
    if (status >= 500)
      throw new RuntimeFailure(
        'unreachable',
        `${this.#socket} fails: status ${status}: ${body.slice(0, 200)}`,
      );
    if (status !== 200) throw this.#notDocker(`status ${status}`);
    try {
      return JSON.parse(body);
    } catch (error) {
      throw this.#notDocker('the answer is no JSON', error);
    }
  }

  #notDocker(what: string, cause?: unknown): RuntimeFailure {
    const reason = `${this.#socket} does not speak the Docker Engine API: ${what}`;
    return new RuntimeFailure('misconfigured', reason, cause);
  }

  /** The time limit is on the whole answer: a server that drips cannot hold the agent. */
  #get(path: string): Promise<Answer> {
    this.#options.onRequest();
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    return new Promise<Answer>((resolve, reject) => {
      const outgoing = request(
        {
          socketPath: this.#socket,
          path,
          headers: { host: 'localhost' },
          agent: this.#agent,
          signal: AbortSignal.any([timeout, this.#closed.signal]),
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          incoming.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            bytes += chunk.length;
            if (bytes > MAX_ANSWER_BYTES)
              incoming.destroy(this.#notDocker(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`));
          });
          incoming.on('error', reject);
          incoming.on('end', () =>
            resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
          );
        },
      );
      outgoing.on('error', reject);
      outgoing.end();
    }).catch((error: Error) => {
      if (error instanceof RuntimeFailure) throw error;
      if (!timeout.aborted) throw connectFailure(this.#socket, error);
      const reason = `${this.#socket} does not answer: ${path} took more than ${this.#timeoutMs} ms`;
      throw new RuntimeFailure('unreachable', reason, error);
    });
  }
}
