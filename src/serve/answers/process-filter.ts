// Whether a process is one of those that a query asks for.
import type { LiveQuery } from '../../api/index.ts';
import type { ModelView, ProcessView } from '../../model/index.ts';
import { executableFilter } from './executable-filter.ts';
import { placeFilter } from './place-filter.ts';

/** A filter in which every given condition must hold. */
export function processFilter(
  model: Pick<ModelView, 'metadataOf'>,
  query: LiveQuery,
): (process: ProcessView) => boolean {
  const { uid, comm, pid } = query;
  const isPlace = placeFilter(query);
  const isExecutable = executableFilter(query.executable);
  return (process) =>
    (pid === undefined || process.pid === pid) &&
    (uid === undefined || process.uid === uid) &&
    (comm === undefined || process.image.comm === comm) &&
    (isExecutable === null || isExecutable(process.image.executable)) &&
    (isPlace === null || isPlace(process.identity, model.metadataOf(process)));
}
