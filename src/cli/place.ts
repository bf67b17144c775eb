// What people call a pod, a workload, a container or a process on the command line.
import { type PlaceActivityJson, routes } from '../api/index.ts';
import { CognitodError } from '../lib/errors.ts';
import type { ApiClient } from './client.ts';

/** Filters of the API that select a place. */
export interface PlaceFilters {
  readonly pod?: string;
  readonly namespace?: string;
  readonly workload?: string;
  readonly container?: string;
}

export interface NamedPlace {
  /** For people. */
  readonly name: string;
  readonly filters: PlaceFilters;
}

/** A pid, or something that looks like a process id. A pod that is called so needs its namespace before it. */
export const isProcessName = (text: string): boolean =>
  /^\d{1,10}$/.test(text) || /^[0-9a-f]{1,8}-[0-9a-z]+-[0-9a-z]+$/.test(text);

const LIMIT = 1000;
const MOST_LISTED = 10;
const SHORTEST_ID = 6;

/**
 * The place that is meant: `namespace/pod`, a pod, `kind/name` of a workload, or the id of a container; of names of pods and
 * of ids the beginning is enough where only one begins so. Of pods that have the same name one after the other, as those of a
 * StatefulSet, the living one is meant.
 *
 * @throws CognitodError NOT_FOUND when there is none, USAGE with the candidates when there are several
 */
export async function findPlace(client: ApiClient, text: string): Promise<NamedPlace> {
  const { places } = await client.get(routes.activity, { query: { limit: LIMIT } });
  const candidates = candidatesOf(places);
  const exact = candidates.filter(({ names }) => names.includes(text));
  const begun = candidates.filter((candidate) => begins(candidate, text));
  const found = withoutPredecessors(exact.length > 0 ? exact : begun);
  const [only, ...others] = found;
  if (only === undefined) {
    throw new CognitodError('NOT_FOUND', `no pod, workload or container is called «${text}»`, {
      hint: 'cognitod top --once lists the pods of the node; a process is named by its pid',
    });
  }
  if (others.length > 0) {
    const isShared = (name: string) => found.filter((candidate) => candidate.name === name).length > 1;
    const names = found
      .slice(0, MOST_LISTED)
      .map(({ name, ids }) => (isShared(name) ? `${name} (uid ${ids.join()})` : name));
    const more = found.length > MOST_LISTED ? `, and ${found.length - MOST_LISTED} more` : '';
    throw new CognitodError('USAGE', `«${text}» may mean ${names.join(', ')}${more}`, {
      hint: found.every(({ name }) => isShared(name)) ? 'give the uid of the pod' : 'write more of the name',
    });
  }
  return { name: only.name, filters: only.filters };
}

/** A pod that is gone leaves its name to a living one. */
function withoutPredecessors(found: readonly Candidate[]): Candidate[] {
  const living = new Set(found.filter(({ isAlive }) => isAlive).map(({ name }) => name));
  return found.filter(({ isAlive, name }) => isAlive || !living.has(name));
}

interface Candidate extends NamedPlace {
  /** Whether a process runs there. */
  readonly isAlive: boolean;
  /** Each of them, whole, is this place. */
  readonly names: readonly string[];
  /** Of these the beginning is enough; of ids only from SHORTEST_ID characters on. */
  readonly beginnings: readonly string[];
  readonly ids: readonly string[];
}

/** All names by which people may call what runs on the node. */
export function candidatesOf(places: readonly PlaceActivityJson[]): Candidate[] {
  const workloads = new Map<string, Candidate>();
  const pods = new Map<string, Candidate>();
  const found: Candidate[] = [];
  for (const place of places) {
    const { namespace, pod_name: pod, pod_uid: uid } = place;
    if (uid !== null) {
      const whole = pod === null ? uid : `${namespace}/${pod}`;
      const names = pod === null ? [uid] : [uid, pod, whole];
      // Containers whose cgroups are in no pod are places of their own, with the same pod.
      pods.set(uid, {
        name: whole,
        isAlive: place.running > 0 || (pods.get(uid)?.isAlive ?? false),
        filters: { pod: uid },
        names,
        beginnings: pod === null ? [] : [pod, whole],
        ids: [uid],
      });
    }
    const { workload_kind: kind, workload_name: name } = place;
    if (kind !== null && name !== null && namespace !== null && !(kind === 'Pod' && name === pod)) {
      const workload = `${kind.toLowerCase()}/${name}`;
      workloads.set(`${namespace}/${workload}`, {
        name: `${workload} in ${namespace}`,
        isAlive: place.running > 0,
        filters: { namespace, workload },
        names: [workload, `${namespace}/${workload}`, `${kind}/${name}`],
        beginnings: [],
        ids: [],
      });
    }
    for (const { container_id: id } of place.containers)
      found.push({
        name: `container ${id.slice(0, 12)}`,
        isAlive: place.running > 0,
        filters: { container: id },
        names: [id],
        beginnings: [],
        ids: [id],
      });
  }
  return [...pods.values(), ...found, ...workloads.values()];
}

const begins = ({ beginnings, ids }: Candidate, text: string): boolean =>
  beginnings.some((name) => name.startsWith(text)) ||
  (text.length >= SHORTEST_ID && ids.some((id) => id.startsWith(text)));
