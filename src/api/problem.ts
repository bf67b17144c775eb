// Error answers: RFC 9457 problem documents with a stable code.
import { z } from 'zod';
import { type ErrorCode, ERROR_CODES } from '../lib/errors.ts';

/** The codes that a request can meet, with the HTTP status of their answers. Any other error is an INTERNAL one. */
export const PROBLEM_STATUS = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  HOST_REFUSED: 403,
  ORIGIN_REFUSED: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  STREAMS_UNAVAILABLE: 503,
} as const satisfies Partial<Record<ErrorCode, number>>;

export type ProblemCode = keyof typeof PROBLEM_STATUS;

/** Further statuses of BAD_REQUEST: what HTTP itself has a word for. */
export const MALFORMED_STATUS: Readonly<Record<number, string>> = {
  408: 'the request did not arrive in time',
  413: 'the body is too large',
  414: 'a part of the path is too long',
  415: 'the body is of a type that is not taken',
  431: 'the header fields, or the path and query, are too large',
};

/** What an answer with this status means, in words. */
export function meaningOf(status: number): string {
  const codes = codesOf(status).map((code) => ERROR_CODES[code]);
  return MALFORMED_STATUS[status] ?? codes.join(', or ');
}

/** The codes of problems with this status. */
export function codesOf(status: number): ProblemCode[] {
  if (status in MALFORMED_STATUS) return ['BAD_REQUEST'];
  return problemCodes.filter((code) => PROBLEM_STATUS[code] === status);
}

const problemCodes = Object.keys(PROBLEM_STATUS) as ProblemCode[];

/** All statuses of problems, in order. */
export const problemStatuses: readonly number[] = [
  ...new Set([...Object.values(PROBLEM_STATUS), ...Object.keys(MALFORMED_STATUS).map(Number)]),
].sort((a, b) => a - b);

/** RFC 9457 problem document with the stable code of docs/errors.md. */
export const problemSchema = z.object({
  type: z.string().describe('the code as a URN'),
  title: z.string().describe('what the code means'),
  status: z.int(),
  detail: z.string().describe('what is wrong with this request, for people'),
  code: z.enum(problemCodes).describe('further ones may come'),
});
export type ProblemJson = z.infer<typeof problemSchema>;
