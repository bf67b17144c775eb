// A line for each request to the API: who asked for what, and the answer. Nothing that could be a secret is in it.
import type { Access } from './access-counts.ts';
import type { Caller } from './caller.ts';

/** What is known of a request when it was answered. */
export interface AnsweredRequest extends Omit<Access, 'who'> {
  /** Address of the client's end of the connection; `unix` where it has none. */
  readonly peer: string;
  /** Null when it was refused. */
  readonly caller: Caller | null;
  /** As it was sent, with the query. */
  readonly url: string;
  /** From the first byte of the request to the last of the answer; a stream is answered when it ends. */
  readonly durationMs: number;
}

const MAX_NAMES = 16;
const NAME = /^[a-z_]{1,32}$/;

/**
 * The line: JSON behind the word `access`. The path is the route's pattern and of the query only the names of parameters
 * are told, so that neither a token that was sent at the wrong place nor text made for a log gets in.
 */
export function accessLine(who: Access['who'], request: AnsweredRequest, time: Date): string {
  const { method, route, status, peer, url, durationMs } = request;
  const names = new URLSearchParams(url.split('?')[1] ?? '').keys();
  const query = [...new Set(names)].slice(0, MAX_NAMES).map((name) => (NAME.test(name) ? name : '?'));
  const record = { time: time.toISOString(), who, peer, method, route, query, status };
  return `access ${JSON.stringify({ ...record, duration_ms: Math.round(durationMs * 10) / 10 })}`;
}
