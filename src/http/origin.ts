// Whether a request comes from a page that is not ours: what a browser does for a foreign page must not pass for its user.
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

/**
 * Without a token only the address protects the API, and a web page that had its own name resolve to
 * 127.0.0.1 (DNS rebinding) would pass. Its requests carry that name.
 *
 * @throws CognitodError HOST_REFUSED
 */
export function requireLoopbackHost({ headers }: FastifyRequest): void {
  if (isLoopbackHost(headers.host)) return;
  throw new CognitodError(
    'HOST_REFUSED',
    'without a token the API answers only to localhost, 127.0.0.1 or [::1]',
  );
}

/**
 * Refuses what a browser sends for a page of another origin; with a token too, since a browser may hold one. Clients that
 * are no browsers send neither header. Following a link is not refused: the page gets nothing of the answer.
 *
 * @throws CognitodError ORIGIN_REFUSED
 */
export function refuseForeignOrigin({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site'];
  const isFollowed = headers['sec-fetch-mode'] === 'navigate';
  const isOurs = site === undefined || site === 'same-origin' || site === 'none';
  if ((isOurs || isFollowed) && isSameHost(headers.origin, headers.host)) return;
  throw new CognitodError('ORIGIN_REFUSED', 'the API answers to no pages but its own');
}

/** The scheme may be another: TLS can end at a proxy that keeps the Host header. */
function isSameHost(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true;
  const match = /^(https?):\/\/([^/]+)$/i.exec(origin);
  return match !== null && withPort(match[2]!, match[1]!) === withPort(host ?? '', match[1]!);
}

function withPort(host: string, scheme: string): string {
  const port = scheme.toLowerCase() === 'https' ? 443 : 80;
  return (/:\d+$/.test(host) ? host : `${host}:${port}`).toLowerCase();
}
