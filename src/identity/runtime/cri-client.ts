// Speaks CRI v1 to one socket.
import { join } from 'node:path';
import type { Client, ClientUnaryCall, ServiceError } from '@grpc/grpc-js';
import { type CriContainer, type CriImage, type CriSandbox, criFacts, imageName } from './cri-facts.ts';
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

/** gRPC status codes, grpc/doc/statuscodes.md. */
const GRPC = {
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
};

interface CriStatus {
  readonly started_at: string;
  readonly image: CriImage | null;
}

type Method = 'Version' | 'ListPodSandbox' | 'ListContainers' | 'ContainerStatus';
type Call = (
  request: object,
  options: { deadline: number },
  done: (error: ServiceError | null, answer: unknown) => void,
) => ClientUnaryCall;
type Service = Client & Record<Method, Call>;

/** gRPC costs 20 MB of memory, so it is loaded only where there is a runtime to ask. */
export async function connectCri(socket: string, options: ClientOptions): Promise<RuntimeClient> {
  // Both are CommonJS: in the bundle a dynamic import has their exports as its default only.
  const [{ default: grpc }, { default: loader }] = await Promise.all([
    import('@grpc/grpc-js'),
    import('@grpc/proto-loader'),
  ]);
  const definition = await loader.load(join(import.meta.dirname, 'cri.proto'), {
    keepCase: true,
    defaults: true,
    longs: String,
  });
  // biome-ignore lint/suspicious/noExplicitAny: the package is made at run time
  const { RuntimeService } = (grpc.loadPackageDefinition(definition) as any).runtime.v1;
  const service: Service = new RuntimeService(`unix://${socket}`, grpc.credentials.createInsecure(), {
    'grpc.default_authority': 'localhost',
    'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
    // A new client connects at once, whatever an earlier one met at this socket.
    'grpc.use_local_subchannel_pool': 1,
  });
  return new CriClient(socket, service, options);
}

class CriClient implements RuntimeClient {
  readonly #socket: string;
  readonly #service: Service;
  readonly #options: ClientOptions;
  readonly #timeoutMs: number;
  readonly #calls = new Set<ClientUnaryCall>();

  constructor(socket: string, service: Service, options: ClientOptions) {
    this.#socket = socket;
    this.#service = service;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? CALL_TIMEOUT_MS;
  }

  async version(): Promise<string> {
    const answer = await this.#call<{ runtime_name: string; runtime_version: string }>('Version', {
      version: 'v1',
    });
    return `${answer.runtime_name} ${answer.runtime_version}`.slice(0, MAX_VERSION_CHARS);
  }

  async list(): Promise<RuntimeFacts> {
    // Containers first: one that is not in the later list of sandboxes is gone by then, not new.
    const { containers } = await this.#call<{ containers: CriContainer[] }>('ListContainers', {});
    const { items } = await this.#call<{ items: CriSandbox[] }>('ListPodSandbox', {});
    return criFacts(items, containers, this.#options);
  }

  async inspect(id: string): Promise<ContainerDetails | null> {
    const request = { container_id: id, verbose: false };
    try {
      const { status } = await this.#call<{ status: CriStatus | null }>('ContainerStatus', request);
      return { startedAt: formatUnixNs(status?.started_at ?? '0'), image: imageName(status?.image) };
    } catch (error) {
      if (((error as Error).cause as ServiceError | undefined)?.code === GRPC.notFound) return null;
      throw error;
    }
  }

  close(): void {
    for (const call of this.#calls) call.cancel();
    this.#service.close();
  }

  #call<T>(method: Method, request: object): Promise<T> {
    this.#options.onRequest();
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + this.#timeoutMs;
      const call = this.#service[method](request, { deadline }, (error, answer) => {
        this.#calls.delete(call);
        if (error === null) resolve(answer as T);
        else reject(this.#failure(method, error));
      });
      this.#calls.add(call);
    });
  }

  #failure(method: Method, error: ServiceError): RuntimeFailure {
    const socket = this.#socket;
    switch (error.code) {
      case GRPC.unimplemented:
        return new RuntimeFailure(
          'misconfigured',
          `${socket} does not speak CRI v1: containerd needs its cri plugin on, or is older than 1.6`,
          error,
        );
      case GRPC.resourceExhausted:
        return new RuntimeFailure('misconfigured', `${method} at ${socket}: ${error.details}`, error);
      case GRPC.permissionDenied:
        return new RuntimeFailure('no-permission', `${socket} refuses ${method}: ${error.details}`, error);
      case GRPC.deadlineExceeded:
        return new RuntimeFailure(
          'unreachable',
          `${socket} does not answer: ${method} took more than ${this.#timeoutMs} ms`,
          error,
        );
      default:
        return connectFailure(socket, error);
    }
  }
}

/** The latest time that a Date can hold is later than any int64 of nanoseconds, so this never throws. */
export function formatUnixNs(text: string): string | null {
  const ns = BigInt(text);
  return ns <= 0n ? null : new Date(Number(ns / 1_000_000n)).toISOString();
}
