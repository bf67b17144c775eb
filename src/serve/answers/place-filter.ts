// Whether a process is in the pod, container, namespace or workload that a query names.
import type { PlaceQuery } from '../../api/index.ts';
import type { Identity, Metadata } from '../../identity/index.ts';

type Place = Pick<Identity, 'podUid' | 'containerId' | 'provenance'>;

/** Null when the query names no place. Names that are not known yet match nothing. */
export function placeFilter(
  query: PlaceQuery,
): ((place: Place, metadata: Metadata | null) => boolean) | null {
  const { pod, container, namespace, workload } = query;
  if ([pod, container, namespace, workload].every((text) => text === undefined)) return null;
  return (place, metadata) =>
    (pod === undefined || namesPod(pod, place, metadata)) &&
    (container === undefined || namesContainer(container, place, metadata)) &&
    (namespace === undefined || metadata?.namespace === namespace) &&
    (workload === undefined || namesWorkload(workload, metadata));
}

/** The start of its uid, its name, or `namespace/name`. */
function namesPod(text: string, { podUid }: Place, metadata: Metadata | null): boolean {
  if ((podUid ?? metadata?.podUid)?.startsWith(text) === true) return true;
  if (metadata?.podName == null) return false;
  return text === metadata.podName || text === `${metadata.namespace}/${metadata.podName}`;
}

/** The start of its id, or its name. An id that is only claimed does not count: anybody may have chosen it. */
const namesContainer = (text: string, { containerId, provenance }: Place, metadata: Metadata | null) =>
  (provenance !== 'claimed' && containerId?.startsWith(text) === true) || metadata?.containerName === text;

/** Its name, or `kind/name` with the kind in any case, as kubectl takes it. */
function namesWorkload(text: string, metadata: Metadata | null): boolean {
  const workload = metadata?.workload;
  if (workload == null) return false;
  const slash = text.indexOf('/');
  if (slash === -1) return text === workload.name;
  return (
    text.slice(0, slash).toLowerCase() === workload.kind.toLowerCase() &&
    text.slice(slash + 1) === workload.name
  );
}
