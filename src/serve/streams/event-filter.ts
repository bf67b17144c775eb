// Decides on the server which events a stream gets.
import type { EventQuery, LiveQuery } from '../../api/index.ts';
import type { AppliedEvent, ModelView } from '../../model/index.ts';
import { executableFilter } from '../answers/executable-filter.ts';
import { placeFilter } from '../answers/place-filter.ts';
import { unixNs } from '../answers/rfc3339.ts';

export type EventFilter = (applied: AppliedEvent) => boolean;

/** A filter in which every given condition must hold. */
export function eventFilter(query: EventQuery, model: Pick<ModelView, 'ktimeOf'>): EventFilter {
  const { uid, comm, pid } = query;
  const isPlace = placeFilter(query);
  const isExecutable = executableFilter(query.executable);
  const sinceNs = query.since === undefined ? null : model.ktimeOf(unixNs(query.since));
  const untilNs = query.until === undefined ? null : model.ktimeOf(unixNs(query.until));
  const types = query.type === undefined ? undefined : new Set<string>(query.type.split(','));
  return ({ event, identity, image, metadata }) =>
    (types === undefined || types.has(event.type)) &&
    (pid === undefined || event.pid === pid) &&
    (uid === undefined || event.uid === uid) &&
    (comm === undefined || event.comm === comm) &&
    (sinceNs === null || event.ktimeNs >= sinceNs) &&
    (untilNs === null || event.ktimeNs <= untilNs) &&
    (isExecutable === null || isExecutable(image.executable)) &&
    (isPlace === null || isPlace(identity, metadata));
}

/** Equal for queries that select the same events, so that their streams can share the text. */
export function filterKey(query: EventQuery | LiveQuery): string {
  const { type, ...rest } = query as EventQuery;
  const types = type === undefined ? null : [...new Set(type.split(','))].sort();
  const conditions = Object.entries(rest).filter(([, value]) => value !== undefined);
  return JSON.stringify([types, conditions.sort(([a], [b]) => (a < b ? -1 : 1))]);
}
