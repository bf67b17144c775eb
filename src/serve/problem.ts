// Turns every failure of a request into an RFC 9457 problem document with a stable code.
import type { FastifyReply } from 'fastify';
import type { ProblemJson } from '../api/index.ts';
import { CognitodError, ERROR_CODES, type ErrorCode } from '../lib/errors.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** The codes that a request can meet. Any other error is ours, and an INTERNAL one to the client. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  HOST_REFUSED: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  INTERNAL: 500,
  STREAMS_UNAVAILABLE: 503,
};

export function problem(code: ErrorCode, detail: string, status = STATUS[code] ?? 500): ProblemJson {
  return { type: `urn:cognitod:error:${code}`, title: ERROR_CODES[code], status, detail, code };
}

/** What the client may know of an error: never a stack, and nothing of one that is not about its request. */
export function problemOf(error: unknown): ProblemJson {
  if (error instanceof CognitodError && STATUS[error.code] !== undefined) {
    return problem(error.code, error.message);
  }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  // Errors of the HTTP layer itself, such as a malformed URL.
  if (status >= 400 && status < 500) return problem('BAD_REQUEST', (error as Error).message, status);
  return problem('INTERNAL', 'the agent failed to answer; its log has the reason');
}

export function sendProblem(reply: FastifyReply, document: ProblemJson): FastifyReply {
  if (document.code === 'UNAUTHORIZED') reply.header('www-authenticate', 'Bearer realm="cognitod"');
  return reply.code(document.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(document));
}
