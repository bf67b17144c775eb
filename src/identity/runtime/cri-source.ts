// Asks the container runtime for the names of its pods and containers, over CRI v1 (containerd, CRI-O).
//
// GetContainerEvents is missing in containerd 1.6, so it polls: now and then, and soon after somebody missed a name.
import { join } from 'node:path';
import type { Client, ServiceError } from '@grpc/grpc-js';
import type { MetadataSink, MetadataSource, SourceState, SourceStatus } from '../metadata/index.ts';
import { type CriContainer, type CriSandbox, criFacts } from './cri-facts.ts';

export interface CriSourceOptions {
  /** Path of the unix socket. */
  readonly socket: string;
  /** Pause between two looks that nobody asked for. */
  readonly intervalMs?: number;
}

const INTERVAL_MS = 5000;
/** The least pause between the beginnings of two looks. */
const SOON_MS = 100;
const CALL_TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
/** gRPC status codes, grpc/doc/statuscodes.md. */
const GRPC_UNIMPLEMENTED = 12;

type Call = (
  request: object,
  options: { deadline: number },
  done: (error: ServiceError | null, answer: Record<string, unknown>) => void,
) => void;
type Service = Client & Record<'ListPodSandbox' | 'ListContainers', Call>;

export class CriSource implements MetadataSource {
  readonly name = 'cri';
  readonly #options: CriSourceOptions;
  #service: Service | undefined;
  #sink: MetadataSink | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking = false;
  #hinted = false;
  #lastLookMs = 0;
  #lastText = '';
  #closed = false;
  #state: SourceState = 'starting';
  #reason: string | null = null;
  #objects = 0;
  #requests = 0;
  #failures = 0;
  #lastSuccess: string | null = null;

  constructor(options: CriSourceOptions) {
    this.#options = options;
  }

  start(sink: MetadataSink): void {
    this.#sink = sink;
    void this.#look();
  }

  status(): SourceStatus {
    return {
      name: this.name,
      endpoint: `unix://${this.#options.socket}`,
      state: this.#state,
      reason: this.#reason,
      objects: this.#objects,
      requests: this.#requests,
      failures: this.#failures,
      lastSuccess: this.#lastSuccess,
    };
  }

  hint(): void {
    // A runtime that does not answer is tried again in its own time.
    if (this.#hinted || this.#closed || this.#state !== 'ok') return;
    this.#hinted = true;
    if (!this.#looking) this.#schedule();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#service?.close();
  }

  #schedule(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    const pauseMs = this.#hinted ? SOON_MS : (this.#options.intervalMs ?? INTERVAL_MS);
    const waitMs = Math.max(0, this.#lastLookMs + pauseMs - performance.now());
    this.#timer = setTimeout(() => void this.#look(), waitMs).unref();
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    this.#looking = true;
    this.#hinted = false;
    this.#lastLookMs = performance.now();
    try {
      // Containers first: one that is not in the later list of sandboxes is gone by then, not new.
      const { containers } = await this.#call<{ containers: CriContainer[] }>('ListContainers');
      const { items } = await this.#call<{ items: CriSandbox[] }>('ListPodSandbox');
      if (!this.#closed) this.#tell(items, containers);
    } catch (error) {
      this.#fail(error as ServiceError);
    }
    this.#looking = false;
    this.#schedule();
  }

  #tell(sandboxes: CriSandbox[], containers: CriContainer[]): void {
    const facts = criFacts(sandboxes, containers);
    this.#state = 'ok';
    this.#reason = null;
    this.#objects = facts.pods.length;
    this.#lastSuccess = new Date().toISOString();
    const text = JSON.stringify(facts);
    if (text === this.#lastText) return;
    this.#lastText = text;
    this.#sink?.replace(this.name, facts.pods, facts.containers);
  }

  #fail(error: ServiceError): void {
    this.#failures++;
    const { socket } = this.#options;
    if (error.code === GRPC_UNIMPLEMENTED) {
      this.#state = 'misconfigured';
      this.#reason = `${socket} does not speak CRI v1: containerd needs its cri plugin on, or is older than 1.6`;
    } else if (/EACCES|EPERM/.test(error.message)) {
      this.#state = 'no-permission';
      this.#reason = `the agent may not connect to ${socket}: run it as a user who may, or set runtime.cri: off`;
    } else {
      this.#state = 'unreachable';
      this.#reason = `${socket} does not answer: ${error.message}; it is tried again every few seconds`;
    }
  }

  async #call<T>(method: 'ListPodSandbox' | 'ListContainers'): Promise<T> {
    this.#requests++;
    this.#service ??= await connect(this.#options.socket);
    const service = this.#service;
    return new Promise((resolve, reject) => {
      service[method]({}, { deadline: Date.now() + CALL_TIMEOUT_MS }, (error, answer) =>
        error === null ? resolve(answer as T) : reject(error),
      );
    });
  }
}

/** gRPC costs 20 MB of memory, so it is loaded only where there is a runtime to ask. */
async function connect(socket: string): Promise<Service> {
  const [grpc, { load }] = await Promise.all([import('@grpc/grpc-js'), import('@grpc/proto-loader')]);
  const definition = await load(join(import.meta.dirname, 'cri.proto'), { keepCase: true, defaults: true });
  // biome-ignore lint/suspicious/noExplicitAny: the package is made at run time
  const { RuntimeService } = (grpc.loadPackageDefinition(definition) as any).runtime.v1;
  return new RuntimeService(`unix://${socket}`, grpc.credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
    'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
    'grpc.initial_reconnect_backoff_ms': 500,
    'grpc.max_reconnect_backoff_ms': 5000,
  });
}
