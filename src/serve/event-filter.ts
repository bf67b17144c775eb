// Decides on the server which events a stream gets.
import type { EventQuery } from '../api/index.ts';
import type { AppliedEvent } from '../model/index.ts';
import { placeFilter } from './place-filter.ts';

export type EventFilter = (applied: AppliedEvent) => boolean;

/** A filter in which every given condition must hold. */
export function eventFilter(query: EventQuery): EventFilter {
  const { uid, comm, pid } = query;
  const isPlace = placeFilter(query);
  const types = query.type === undefined ? undefined : new Set<string>(query.type.split(','));
  return ({ event, identity, metadata }) =>
    (types === undefined || types.has(event.type)) &&
    (pid === undefined || event.pid === pid) &&
    (uid === undefined || event.uid === uid) &&
    (comm === undefined || event.comm === comm) &&
    (isPlace === null || isPlace(identity, metadata));
}

/** Equal for queries that select the same events, so that their streams can share the text. */
export function filterKey(query: EventQuery): string {
  const types = query.type === undefined ? null : [...new Set(query.type.split(','))].sort();
  const { pid, uid, comm, pod, container, namespace, workload } = query;
  return JSON.stringify([types, pid, uid, comm, pod, container, namespace, workload]);
}
