// Checks the query of a request against the contract, and says in words what is wrong with it.
import type { z } from 'zod';
import { CognitodError } from '../lib/errors.ts';

/** Parameter names are the client's text: enough of one to recognise it, not all of it. */
const NAME_CHARS = 64;

/**
 * The typed query.
 *
 * @throws CognitodError BAD_REQUEST that names every wrong or unknown parameter
 */
export function parseQuery<S extends z.ZodObject>(schema: S, query: unknown): z.output<S> {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const known = Object.keys(schema.shape);
  throw new CognitodError('BAD_REQUEST', result.error.issues.map((issue) => words(issue, known)).join('; '));
}

function words(issue: z.core.$ZodIssue, known: readonly string[]): string {
  if (issue.code !== 'unrecognized_keys') return `${issue.path.join('.')}: ${issue.message}`;
  const names = issue.keys.map((key) => JSON.stringify(key.slice(0, NAME_CHARS))).join(', ');
  const choice = known.length === 0 ? 'this route has none' : `known ones are ${known.join(', ')}`;
  return `unknown parameter ${names}; ${choice}`;
}
