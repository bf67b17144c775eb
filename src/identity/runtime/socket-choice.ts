// Asks all sockets that are there at once, to find the runtime that has this node's containers.
//
// A machine may have several: of a runtime whose CRI is off, of one that was replaced, of one for builds by hand.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { connectFailure, type RuntimeClient, RuntimeFailure } from './runtime-client.ts';
import type { RuntimeFacts } from './runtime-facts.ts';

/** A runtime that answered. Whoever gets it closes its client. */
export interface Answering {
  readonly socket: string;
  readonly client: RuntimeClient;
  readonly facts: RuntimeFacts;
}

export interface Asked {
  /** In the order of the sockets. */
  readonly answering: readonly Answering[];
  /** Of the sockets that are there, in their order. */
  readonly failures: readonly RuntimeFailure[];
}

/** `open` gives a client that its caller may close at any time. Never rejects; takes as long as the slowest of them. */
export async function askSockets(
  sockets: readonly string[],
  open: (socket: string) => Promise<RuntimeClient>,
): Promise<Asked> {
  const answers = await Promise.all(sockets.map((socket) => askSocket(socket, open)));
  return {
    answering: answers.filter(
      (answer) => answer !== null && !(answer instanceof RuntimeFailure),
    ) as Answering[],
    failures: answers.filter((answer) => answer instanceof RuntimeFailure),
  };
}

/** The one with the most running containers; of equal ones the first. Undefined of none. */
export function busiest(answering: readonly Answering[]): Answering | undefined {
  return answering.reduce<Answering | undefined>(
    (best, one) => (best === undefined || one.facts.running.size > best.facts.running.size ? one : best),
    undefined,
  );
}

/** Of sockets of which none is there. */
export function noSocket(sockets: readonly string[]): RuntimeFailure {
  const reason =
    sockets.length === 1
      ? `${sockets[0]} does not answer: there is no such socket`
      : `no container runtime found: there is no socket at ${sockets.join(', ')}`;
  return new RuntimeFailure('unreachable', reason);
}

/** Null where there is no socket: before gRPC is loaded, so that the agent stays small where no runtime listens. */
async function askSocket(
  socket: string,
  open: (socket: string) => Promise<RuntimeClient>,
): Promise<Answering | RuntimeFailure | null> {
  let client: RuntimeClient | undefined;
  try {
    await access(socket, constants.W_OK);
    client = await open(socket);
    return { socket, client, facts: await client.list() };
  } catch (error) {
    client?.close();
    if (error instanceof RuntimeFailure) return error;
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR' ? null : connectFailure(socket, error as Error);
  }
}
