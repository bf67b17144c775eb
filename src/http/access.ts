// Decides who may ask for what, for every request in one place.
import type { FastifyRequest } from 'fastify';
import type { RouteAccess } from '../api/index.ts';
import { CognitodError } from '../lib/errors.ts';
import { type Caller, callerOf, type WaysIn } from './caller.ts';
import { refuseForeignOrigin, requireLoopbackHost } from './origin.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null until the guard has let it in. */
    caller: Caller | null;
  }
}

/** Refuses a request by throwing a CognitodError, or sets its `caller`. */
export type Guard = (request: FastifyRequest) => void;

const NOBODY: Caller = { who: 'open', access: 'none' };
/** Whoever is on this machine, where nothing else says who asks. */
const LOCAL: Caller = { who: 'local', access: 'admin' };

/** The guard of the API. A route that nobody has decided about is closed to everyone. */
export function accessGuard(ways: WaysIn): Guard {
  const isOpenToLocal = ways.tokens === null && ways.clientCertificates === null;
  return (request) => {
    const isUnixSocket = ways.peers.get(request.raw.socket) !== undefined;
    if (!isUnixSocket) refuseForeignOrigin(request);
    if (!isUnixSocket && isOpenToLocal) requireLoopbackHost(request);
    // Which routes there are is told only to who may look.
    const access = request.is404 ? 'read' : request.routeOptions.config.access;
    if (access === undefined) throw new CognitodError('FORBIDDEN', 'this route is open to nobody');
    if (access === 'open' && !isOpenToLocal) {
      request.caller = NOBODY;
      return;
    }
    const caller = callerOf(request, ways) ?? (isOpenToLocal ? LOCAL : null);
    if (caller === null) throw unauthorized(ways);
    requireAccess(caller, access, ways);
    request.caller = caller;
  };
}

function unauthorized({ tokens, clientCertificates }: WaysIn): CognitodError {
  const certificate = clientCertificates === null ? '' : 'show a client certificate';
  const token = tokens === null ? '' : 'send the token as "Authorization: Bearer ..."';
  return new CognitodError('UNAUTHORIZED', [token, certificate].filter((way) => way !== '').join(', or '));
}

function requireAccess(caller: Caller, access: RouteAccess, { tokens }: WaysIn): void {
  if (access !== 'admin' || caller.access === 'admin') return;
  const where = tokens !== null && tokens.admin === null ? ', and none is set: see api.admin_token_file' : '';
  throw new CognitodError('FORBIDDEN', `this needs the admin token${where}`);
}
