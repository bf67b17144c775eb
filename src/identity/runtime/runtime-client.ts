// What every container runtime can be asked, whatever its protocol.
import type { SourceState } from '../metadata/index.ts';
import type { SelectionOptions } from '../metadata/index.ts';
import type { ContainerDetails, RuntimeFacts } from './runtime-facts.ts';

/** One connection to one socket. Every call ends within its time limit; failures are `RuntimeFailure`. */
export interface RuntimeClient {
  /** What it calls itself, e.g. `containerd 1.6.20`. */
  version(): Promise<string>;
  list(): Promise<RuntimeFacts>;
  /** Null when the container is gone. */
  inspect(id: string): Promise<ContainerDetails | null>;
  /** Ends calls that are under way. Idempotent. */
  close(): void;
}

/** An expected failure: what it makes of the source's state, and why, in words for a person. */
export class RuntimeFailure extends Error {
  readonly state: Exclude<SourceState, 'starting' | 'ok'>;

  constructor(state: RuntimeFailure['state'], reason: string, cause?: unknown) {
    super(reason, { cause });
    this.state = state;
  }
}

export interface ClientOptions extends SelectionOptions {
  /** Limit of one call; 5 s. */
  readonly timeoutMs?: number;
  /** Called for each request that is sent. */
  readonly onRequest: () => void;
}

export const CALL_TIMEOUT_MS = 5000;
/** Room for the lists of thousands of containers with their labels; a bound on memory nevertheless. */
export const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** Of a version that is told to a person, whatever the server says. */
export const MAX_VERSION_CHARS = 200;

/** The failure that a system error or its text in a message stands for. */
export function connectFailure(socket: string, error: Error & { code?: unknown }): RuntimeFailure {
  const text = `${String(error.code ?? '')} ${error.message}`;
  if (/EACCES|EPERM/.test(text)) {
    const reason = `the agent may not connect to ${socket}: run it as a user who may`;
    return new RuntimeFailure('no-permission', reason, error);
  }
  return new RuntimeFailure('unreachable', `${socket} does not answer: ${error.message}`, error);
}
