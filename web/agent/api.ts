// Asks the agent. What can go wrong on the way is a value: a page shows it.
import type { ProblemJson, RouteAnswer, RouteAsked } from '../../src/api/index.ts';
import { pathFor, ROUTE_PLACES, type RouteName } from '../../src/api/paths.ts';
import { token } from './token.ts';

export type Failure =
  | { readonly kind: 'unreachable'; readonly detail: string }
  | { readonly kind: 'unauthorized'; readonly detail: string }
  | { readonly kind: 'refused'; readonly detail: string; readonly status: number };

export type Answer<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly failure: Failure };

/** Of a route: which parameters, and what is asked. */
export type Query<Name extends RouteName> = NonNullable<RouteAsked<Name>['query']>;

const TIMEOUT_MS = 15_000;

/** Path and query of a route. */
export function addressOf<Name extends RouteName>(
  name: Name,
  { query, params }: RouteAsked<Name> = {},
): string {
  const given = Object.entries<unknown>(query ?? {}).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  const path = pathFor(ROUTE_PLACES[name].path, params);
  return text === '' ? path : `${path}?${text}`;
}

/** A JSON document. Never rejects. */
export async function ask<Name extends RouteName>(
  name: Name,
  asked: RouteAsked<Name> = {},
): Promise<Answer<RouteAnswer<Name>>> {
  const { method } = ROUTE_PLACES[name];
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const answer = await openResponse(addressOf(name, asked), { method, signal });
  if (!answer.ok) return answer;
  try {
    return { ok: true, value: (await answer.value.json()) as RouteAnswer<Name> };
  } catch (error) {
    return unreachable(error);
  }
}

/** The response when its status is 200. Never rejects. */
export async function openResponse(address: string, init: RequestInit): Promise<Answer<Response>> {
  const headers = new Headers(init.headers);
  if (token.value !== null) headers.set('authorization', `Bearer ${token.value}`);
  try {
    const response = await fetch(address, { ...init, headers, cache: 'no-store' });
    return response.ok ? { ok: true, value: response } : { ok: false, failure: await failureOf(response) };
  } catch (error) {
    return unreachable(error);
  }
}

async function failureOf(response: Response): Promise<Failure> {
  const { status } = response;
  const problem = (await response.json().catch(() => null)) as ProblemJson | null;
  const detail = problem?.detail ?? `the agent answered with status ${status}`;
  if (status === 401) return { kind: 'unauthorized', detail };
  // A proxy before an agent that is gone.
  if (problem === null && status >= 502) return { kind: 'unreachable', detail };
  return { kind: 'refused', detail, status };
}

function unreachable(error: unknown): { ok: false; failure: Failure } {
  const isTimeout = error instanceof DOMException && error.name === 'TimeoutError';
  const detail = isTimeout ? 'the agent does not answer in time' : 'the agent cannot be reached';
  return { ok: false, failure: { kind: 'unreachable', detail } };
}
