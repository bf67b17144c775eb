// Who asks: each way in (this machine, a token, a client certificate, a Unix socket) ends in one `Caller`.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { FastifyRequest } from 'fastify';
import type { PeerCredentials } from '../os/index.ts';
import { CognitodError } from '../lib/errors.ts';
import type { ApiTokens } from '../lib/token.ts';

export interface Caller {
  /**
   * `local` (this machine, no token), `read-token`, `admin-token`, `client-cert NAME`, `uid N`; `open` where nobody asked.
   * Fit for a log.
   */
  readonly who: string;
  /** What it may do; `none` opens only what is open to anyone. */
  readonly access: 'none' | 'read' | 'admin';
}

/** Which ways in there are. */
export interface WaysIn {
  /** Null: tokens are not in use. */
  readonly tokens: ApiTokens | null;
  /** Null: certificates of clients are not asked for. The names are those that may do everything. */
  readonly clientCertificates: { readonly adminNames: readonly string[] } | null;
  /** Of connections through the Unix socket. */
  readonly peers: Pick<WeakMap<Socket, PeerCredentials>, 'get'>;
}

/** Null when nothing says who asks. @throws CognitodError UNAUTHORIZED for a token that is wrong */
export function callerOf(request: FastifyRequest, ways: WaysIn): Caller | null {
  const { socket } = request.raw;
  const peer = ways.peers.get(socket);
  const byConnection = peer === undefined ? byCertificate(socket, ways) : byUid(peer);
  const byToken = ways.tokens === null ? null : tokenCaller(request.headers.authorization, ways.tokens);
  // A token is shown to be allowed more, never less.
  return byToken !== null && byConnection?.access !== 'admin' ? byToken : byConnection;
}

/** Root and the agent's own user may do everything; who else may connect is up to the mode of the file. */
function byUid({ uid }: PeerCredentials): Caller {
  const isOwn = uid === 0 || uid === process.getuid!();
  return { who: `uid ${uid}`, access: isOwn ? 'admin' : 'read' };
}

function byCertificate(socket: Socket, { clientCertificates }: WaysIn): Caller | null {
  if (clientCertificates === null || !(socket instanceof TLSSocket) || !socket.authorized) return null;
  const { subject, subjectaltname } = socket.getPeerCertificate();
  const names = [subject?.CN, ...alternativeNames(subjectaltname)].filter((name) => typeof name === 'string');
  const adminName = names.find((name) => clientCertificates.adminNames.includes(name));
  const name = adminName ?? names[0] ?? 'without a name';
  return {
    who: `client-cert ${/^[\w.@:/+ -]{1,100}$/.test(name) ? name : '?'}`,
    access: adminName === undefined ? 'read' : 'admin',
  };
}

/** `DNS:a, URI:spiffe://b` without the types. Node quotes names with commas or quotes: those are nobody's. */
function alternativeNames(text: string | undefined): string[] {
  if (text === undefined || text.includes('"')) return [];
  return text.split(', ').map((entry) => entry.slice(entry.indexOf(':') + 1));
}

function tokenCaller(authorization: string | undefined, tokens: ApiTokens): Caller | null {
  const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (given === undefined) return null;
  const { read, admin } = tokens;
  // Digests have equal lengths, so that the comparison takes the same time for every guess.
  const digestOfGiven = digest(given);
  const isRead = read !== null && timingSafeEqual(digestOfGiven, digest(read()));
  const isAdmin = admin !== null && timingSafeEqual(digestOfGiven, digest(admin()));
  // A token that became both while the agent ran may do the less.
  if (isRead) return { who: 'read-token', access: 'read' };
  if (isAdmin) return { who: 'admin-token', access: 'admin' };
  throw new CognitodError('UNAUTHORIZED', 'the token is not the right one');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
