// Decides who may ask: the read and the admin token, and the Host header where there is no token.
import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { RouteAccess } from '../api/index.ts';
import { CognitodError } from '../lib/errors.ts';
import type { ApiTokens } from '../lib/token.ts';

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** True for an IP address of the loopback interface; IPv4-mapped ones count. */
export function isLoopbackAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && loopback.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

/** True for a Host header that means this machine, with any port; `*.localhost` does (RFC 6761). */
export function isLoopbackHost(host: string | undefined): boolean {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::\d+)?$/.exec(host ?? '');
  if (match === null) return false;
  if (match[1] !== undefined) return isLoopbackAddress(match[1]);
  const name = match[2]!.toLowerCase().replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost') || isLoopbackAddress(name);
}

/** How a request was let in. `local`: without a token, from this machine. `open`: nobody asked who it is. */
export type Caller = 'local' | 'token' | 'admin' | 'open';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until the guard has let it in. */
    caller: Caller | null;
  }
}

/** Refuses a request by throwing a CognitodError, or sets its `caller`. */
export type Guard = (request: FastifyRequest) => void;

/** Says how a request may be let in to a route with this access, or throws. */
type Admit = (request: FastifyRequest, access: RouteAccess) => Caller;

/** The guard of the API. A route that nobody has decided about is closed to everyone. */
export function accessGuard(tokens: ApiTokens | null): Guard {
  const admit = tokens === null ? admitLocal : admitByToken(tokens);
  return (request) => {
    // Which routes there are is told only to who may look.
    const access = request.is404 ? 'read' : request.routeOptions.config.access;
    if (access === undefined) throw new CognitodError('FORBIDDEN', 'this route is open to nobody');
    request.caller = admit(request, access);
  };
}

/** With a token everything but the probes needs one. */
function admitByToken(tokens: ApiTokens): Admit {
  return (request, access) => {
    if (access === 'open') return 'open';
    const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    if (given === undefined) {
      throw new CognitodError('UNAUTHORIZED', 'send the token as "Authorization: Bearer ..."');
    }
    const caller = callerOf(given, tokens);
    if (caller === null) throw new CognitodError('UNAUTHORIZED', 'the token is not the right one');
    if (access === 'admin' && caller !== 'admin') {
      const where = tokens.admin === null ? ', and none is set: see api.admin_token_file' : '';
      throw new CognitodError('FORBIDDEN', `this needs the admin token${where}`);
    }
    return caller;
  };
}

/** Digests have equal lengths, so that the comparison takes the same time for every guess. */
function callerOf(given: string, { read, admin }: ApiTokens): Caller | null {
  const digestOfGiven = digest(given);
  const isRead = read !== null && timingSafeEqual(digestOfGiven, digest(read()));
  const isAdmin = admin !== null && timingSafeEqual(digestOfGiven, digest(admin()));
  // A token that became both while the agent ran may do the less.
  if (isRead) return 'token';
  return isAdmin ? 'admin' : null;
}

/**
 * Without a token only the address protects the API, and a web page that had its own name resolve to
 * 127.0.0.1 (DNS rebinding) would pass. Its requests carry that name.
 */
const admitLocal: Admit = (request) => {
  if (isLoopbackHost(request.headers.host)) return 'local';
  throw new CognitodError(
    'HOST_REFUSED',
    'without a token the API answers only to localhost, 127.0.0.1 or [::1]',
  );
};

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
