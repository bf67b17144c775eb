// Decides on the server which events a stream gets.
import type { EventQuery } from '../api/index.ts';
import type { AppliedEvent } from '../model/index.ts';
import { namesContainer, namesPod } from './metadata-json.ts';

export type EventFilter = (applied: AppliedEvent) => boolean;

/** A filter in which every given condition must hold. */
export function eventFilter(query: EventQuery): EventFilter {
  const { pod, container, uid, comm, pid } = query;
  const types = query.type === undefined ? undefined : new Set<string>(query.type.split(','));
  return ({ event, identity, metadata }) =>
    (types === undefined || types.has(event.type)) &&
    (pid === undefined || event.pid === pid) &&
    (uid === undefined || event.uid === uid) &&
    (comm === undefined || event.comm === comm) &&
    (pod === undefined || namesPod(pod, identity, metadata)) &&
    (container === undefined || namesContainer(container, identity, metadata));
}

/** Equal for queries that select the same events, so that their streams can share the text. */
export function filterKey(query: EventQuery): string {
  const types = query.type === undefined ? null : [...new Set(query.type.split(','))].sort();
  return JSON.stringify([types, query.pid, query.uid, query.comm, query.pod, query.container]);
}
