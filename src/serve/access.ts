// Decides who may ask: bearer tokens, and the Host header where there is no token.
import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { CognitodError } from '../lib/errors.ts';

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

/** Refuses a request by throwing a CognitodError. */
export type Guard = (request: FastifyRequest) => void;

/** With a token: everything but the probes needs it. */
export function tokenGuard(token: string): Guard {
  const expected = digest(token);
  return (request) => {
    if (request.routeOptions.config.access === 'open') return;
    const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    // Digests have equal lengths, so that the comparison takes the same time for every guess.
    if (given !== undefined && timingSafeEqual(digest(given), expected)) return;
    throw new CognitodError(
      'UNAUTHORIZED',
      given === undefined
        ? 'send the token as "Authorization: Bearer ..."'
        : 'the token is not the right one',
    );
  };
}

/**
 * Without a token only the address protects the API, and a web page that had its own name resolve to
 * 127.0.0.1 (DNS rebinding) would pass. Its requests carry that name.
 */
export const hostGuard: Guard = (request) => {
  if (isLoopbackHost(request.headers.host)) return;
  throw new CognitodError(
    'HOST_REFUSED',
    'without a token the API answers only to localhost, 127.0.0.1 or [::1]',
  );
};

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
