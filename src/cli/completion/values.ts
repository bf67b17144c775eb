// Names for a command line, asked from the agent.
import { type PlaceActivityJson, type ProcessJson, routes } from '../../api/index.ts';
import type { ApiClient } from '../client.ts';
import { commandText } from '../text.ts';
import type { Source } from '../option.ts';
import type { Candidate } from './wanted.ts';

const MOST_PLACES = 1000;
const PROCESSES_AT_ONCE = 1000;
const SHORT_ID = 12;

/** Values that begin with `text`. @throws CognitodError as the client does */
export async function valuesFrom(client: ApiClient, source: Source, text: string): Promise<Candidate[]> {
  switch (source) {
    case 'pods':
      return podsNamed(await placesOf(client), text);
    case 'namespaces':
      return begun(namespacesOf(await placesOf(client)), text);
    case 'workloads':
      return begun(workloadsOf(await placesOf(client)), text);
    case 'containers':
      return begun(containersOf(await placesOf(client)), text);
    case 'places':
      return placesNamed(client, text);
    case 'places and pids': {
      const found = await placesNamed(client, text);
      // A node has hundreds of processes: they would bury the pods.
      return /^\d/.test(text) || found.length === 0 ? [...found, ...(await pidsOf(client, text))] : found;
    }
    case 'pids':
    case 'pids and files':
      return pidsOf(client, text);
    case 'comms':
      return commsOf(client, text);
    case 'files':
    case 'commands':
    case 'nothing':
      return [];
  }
}

async function placesOf(client: ApiClient): Promise<readonly PlaceActivityJson[]> {
  return (await client.get(routes.activity, { query: { limit: MOST_PLACES } })).places;
}

async function placesNamed(client: ApiClient, text: string): Promise<Candidate[]> {
  const places = await placesOf(client);
  // Of a pod with a name the ids of containers are offered to those who have begun one.
  const ids = begun(idsOf(text === '' ? places.filter((place) => place.pod_name === null) : places), text);
  return [...podsNamed(places, text), ...begun(distinctWorkloads(places), text), ...ids];
}

/** As namespace/pod; who has begun with the pod itself gets its name alone. */
function podsNamed(places: readonly PlaceActivityJson[], text: string): Candidate[] {
  const pods = places.filter(({ namespace, pod_name: pod }) => namespace !== null && pod !== null);
  const whole = pods.map((place) => ({
    value: `${place.namespace}/${place.pod_name}`,
    description: describe(place),
  }));
  const found = begun(whole, text);
  if (found.length > 0) return found;
  return begun(
    pods.map((place) => ({ value: place.pod_name!, description: `in ${place.namespace}` })),
    text,
  );
}

const describe = ({ workload_kind: kind, workload_name: name, running }: PlaceActivityJson) =>
  `${kind === null || name === null ? '' : `${kind}/${name}, `}${running} ${running === 1 ? 'process' : 'processes'}`;

const namespacesOf = (places: readonly PlaceActivityJson[]) =>
  places.flatMap(({ namespace }) => (namespace === null ? [] : [{ value: namespace, description: '' }]));

const workloadsOf = (places: readonly PlaceActivityJson[]) =>
  places.flatMap(({ workload_kind: kind, workload_name: name, namespace, pod_name: pod }) =>
    kind === null || name === null || (kind === 'Pod' && name === pod)
      ? []
      : [{ value: `${kind.toLowerCase()}/${name}`, namespace, description: `in ${namespace}` }],
  );

/** With its namespace where another has a workload of this name. */
function distinctWorkloads(places: readonly PlaceActivityJson[]): Candidate[] {
  const namespaces = new Map<string, Set<string | null>>();
  for (const { value, namespace } of workloadsOf(places))
    namespaces.set(value, (namespaces.get(value) ?? new Set()).add(namespace));
  return workloadsOf(places).map(({ value, namespace, description }) => ({
    value: namespaces.get(value)!.size > 1 ? `${namespace}/${value}` : value,
    description,
  }));
}

const idsOf = (places: readonly PlaceActivityJson[]) =>
  places.flatMap(({ containers, namespace, pod_name: pod }) =>
    containers.map(({ container_id: id, container_name: name }) => ({
      value: id.slice(0, SHORT_ID),
      description: [name, pod === null ? null : `${namespace}/${pod}`]
        .filter((part) => part !== null)
        .join(' in '),
    })),
  );

const containersOf = (places: readonly PlaceActivityJson[]) => [
  ...places.flatMap(({ containers, namespace, pod_name: pod }) =>
    containers.flatMap(({ container_name: name }) =>
      name === null ? [] : [{ value: name, description: pod === null ? '' : `in ${namespace}/${pod}` }],
    ),
  ),
  ...idsOf(places),
];

async function pidsOf(client: ApiClient, text: string): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for await (const processes of pages(client)) {
    const all = processes.map(({ pid, argv, comm, kernel_thread: kernel }) => ({
      value: String(pid),
      description: kernel ? `[${comm}]` : argv === null || argv.length === 0 ? comm : commandText(argv),
    }));
    found.push(...begun(all, text));
  }
  return found;
}

async function commsOf(client: ApiClient, text: string): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for await (const processes of pages(client))
    found.push(
      ...begun(
        processes.map(({ comm }) => ({ value: comm, description: '' })),
        text,
      ),
    );
  return found;
}

async function* pages(client: ApiClient): AsyncGenerator<readonly ProcessJson[]> {
  for (let cursor: string | undefined; ; ) {
    const query = { state: 'running', limit: PROCESSES_AT_ONCE, cursor };
    const page = await client.get(routes.processes, { query });
    yield page.processes;
    if (page.next_cursor === null) return;
    cursor = page.next_cursor;
  }
}

const begun = (candidates: readonly Candidate[], text: string): Candidate[] =>
  candidates.filter(({ value }) => value.startsWith(text));
