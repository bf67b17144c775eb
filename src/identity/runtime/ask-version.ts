// Asks a socket once whether a container runtime answers behind it.
import { connectCri } from './cri-client.ts';
import { connectDocker } from './docker-client.ts';

export type RuntimeProtocol = 'cri' | 'docker';

/** What the runtime calls itself. Rejects with a RuntimeFailure, after `timeoutMs` at the latest. */
export async function askRuntimeVersion(
  protocol: RuntimeProtocol,
  socket: string,
  timeoutMs: number,
): Promise<string> {
  const options = { timeoutMs, onRequest: () => {} };
  const client = protocol === 'cri' ? await connectCri(socket, options) : connectDocker(socket, options);
  try {
    return await client.version();
  } finally {
    client.close();
  }
}
