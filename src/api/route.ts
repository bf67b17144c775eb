// What a route promises: its query, its answers, and who may ask.
import { z } from 'zod';

/**
 * Who may ask: `open` anyone (probes), `read` whoever may look (the read token, the admin token, loopback without a
 * token), `admin` the admin token only where tokens are in use.
 */
export type RouteAccess = 'open' | 'read' | 'admin';

/** One route of `/api/v1`. Server, OpenAPI document and clients read the same object. */
export interface RouteContract<
  Query extends z.ZodObject = z.ZodObject,
  Params extends z.ZodObject = z.ZodObject,
  Answer extends z.ZodType = z.ZodType,
> {
  readonly method: 'GET' | 'POST';
  /** With parameters as `:name`. */
  readonly path: `/${string}`;
  readonly access: RouteAccess;
  /** One line, for the table of routes. */
  readonly summary: string;
  readonly query: Query;
  readonly params: Params;
  /** The JSON document; of a stream, one of its records. */
  readonly answer: Answer;
  /** JSON answers with other statuses than 200 that are no problems. */
  readonly otherAnswers?: Readonly<Record<number, z.ZodType>>;
  /** An event stream (text/event-stream) instead of one document. */
  readonly stream: boolean;
}

/** No answer but a stream is larger: what does not fit is on the next page, or cut and said to be. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** What a client gives: names are those of the contract, values as they stand in an address. */
export interface Asked<Contract extends RouteContract> {
  readonly query?: Readonly<Partial<Record<keyof z.input<Contract['query']>, string | number | undefined>>>;
  readonly params?: Readonly<Record<keyof z.input<Contract['params']>, string>>;
}

export const noQuery = z.strictObject({});
export const noParams = z.strictObject({});
