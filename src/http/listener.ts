// Opens a listener, or says in words why that cannot be done.
import { lookup } from 'node:dns/promises';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { CognitodError } from '../lib/errors.ts';
import { formatListen, type ListenAddress } from '../lib/listen.ts';

/** Where a listener really is. */
export interface BoundAddress extends ListenAddress {
  readonly url: string;
}

/** How people know a listener, for messages. */
export interface ListenerName {
  readonly name: string;
  readonly flag: string;
  readonly key: string;
}

const REASONS: Record<string, string> = {
  EADDRINUSE: 'another program holds this address, perhaps another cognitod',
  EACCES: 'this user may not bind it (ports below 1024 need CAP_NET_BIND_SERVICE)',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name cannot be resolved',
};

/** The IP address of a host name; `localhost` is IPv4 first, because that is what clients try. */
export async function resolveHost(listen: ListenAddress, name: ListenerName): Promise<string> {
  try {
    return (await lookup(listen.host.replace(/^\[(.*)\]$/, '$1'), { order: 'ipv4first' })).address;
  } catch (cause) {
    throw listenFailed(listen, name, cause);
  }
}

/** @throws CognitodError LISTEN_FAILED */
export async function openListener(
  app: Pick<FastifyInstance, 'listen' | 'server'>,
  address: ListenAddress,
  name: ListenerName,
  scheme: 'http' | 'https' = 'http',
): Promise<BoundAddress> {
  try {
    await app.listen({ host: address.host, port: address.port });
  } catch (cause) {
    throw listenFailed(address, name, cause);
  }
  const { address: host, port } = app.server.address() as AddressInfo;
  return { host, port, url: `${scheme}://${formatListen({ host, port })}` };
}

function listenFailed(
  address: ListenAddress,
  { name, flag, key }: ListenerName,
  cause: unknown,
): CognitodError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason = REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new CognitodError(
    'LISTEN_FAILED',
    `the ${name} listener cannot open ${formatListen(address)}: ${reason}`,
    {
      hint: `choose another address with ${flag} or ${key}`,
      cause,
    },
  );
}
