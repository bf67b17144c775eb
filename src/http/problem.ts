// Turns every failure of a request into an RFC 9457 problem document with a stable code.
import type { FastifyReply } from 'fastify';
import { PROBLEM_STATUS, type ProblemCode, type ProblemJson } from '../api/index.ts';
import { CognitodError, ERROR_CODES } from '../lib/errors.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export function problem(
  code: ProblemCode,
  detail: string,
  status: number = PROBLEM_STATUS[code],
): ProblemJson {
  return { type: `urn:cognitod:error:${code}`, title: ERROR_CODES[code], status, detail, code };
}

/** What the client may know of an error: never a stack, and nothing of one that is not about its request. */
export function problemOf(error: unknown): ProblemJson {
  if (error instanceof CognitodError && error.code in PROBLEM_STATUS) {
    return problem(error.code as ProblemCode, error.message);
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
