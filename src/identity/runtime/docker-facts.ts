// What Docker's list of containers says, as facts of containers, and of pods where a kubelet made them.
import type { ContainerFacts, PodFacts } from '../metadata/index.ts';
import type { ContainerDetails } from './runtime-facts.ts';
import { parseCount, type RuntimeFacts, sandboxFacts } from './runtime-facts.ts';
import { type SelectionOptions, selectEntries } from '../metadata/index.ts';

/** The kubelet's Docker shim keeps annotations as labels under this prefix. */
const ANNOTATION = 'annotation.';

/** Entries that are not of the documented shape are left out: https://docs.docker.com/reference/api/engine/ */
export function dockerFacts(list: readonly unknown[], options: SelectionOptions = {}): RuntimeFacts {
  const pods = new Map<string, PodFacts>();
  const containers: ContainerFacts[] = [];
  const running = new Set<string>();
  for (const item of list) {
    const entry = objectOf(item);
    const id = textOf(entry.Id);
    if (id === null) continue;
    const labels = labelsOf(entry.Labels);
    const podUid = labels['io.kubernetes.pod.uid'] || null;
    const isSandbox = labels['io.kubernetes.docker.type'] === 'podsandbox';
    const pod = podUid === null ? null : podFacts(podUid, labels, isSandbox, options);
    // The sandbox alone carries the pod's labels.
    if (pod !== null && (isSandbox || !pods.has(pod.uid))) pods.set(pod.uid, pod);
    if (podUid !== null && isSandbox) {
      containers.push(sandboxFacts(id, podUid));
      continue;
    }
    if (entry.State === 'running') running.add(id);
    containers.push({
      id,
      podUid,
      name: labels['io.kubernetes.container.name'] || nameOf(entry.Names),
      kind: 'app',
      image: textOf(entry.Image),
      imageId: textOf(entry.ImageID),
      startedAt: null,
      restartCount: parseCount(labels[`${ANNOTATION}io.kubernetes.container.restartCount`]),
    });
  }
  return { pods: [...pods.values()], containers, running };
}

/** Of the answer to a question for one container. */
export function dockerDetails(answer: unknown): ContainerDetails {
  const { State: state, Config: config } = objectOf(answer);
  return {
    startedAt: parseDockerTime(objectOf(state).StartedAt),
    image: textOf(objectOf(config).Image),
  };
}

/** Null for the year 1, which Docker gives a container that never started. */
export function parseDockerTime(value: unknown): string | null {
  const text = textOf(value);
  return text === null || text.startsWith('0001-') || Number.isNaN(Date.parse(text)) ? null : text;
}

function podFacts(
  uid: string,
  labels: Record<string, string>,
  isSandbox: boolean,
  options: SelectionOptions,
): PodFacts | null {
  const name = labels['io.kubernetes.pod.name'];
  const namespace = labels['io.kubernetes.pod.namespace'];
  if (!name || !namespace) return null;
  const entries = isSandbox ? Object.entries(labels) : [];
  const own = entries.filter(([key]) => !key.startsWith(ANNOTATION));
  const annotations = entries
    .filter(([key]) => key.startsWith(ANNOTATION))
    .map(([key, value]) => [key.slice(ANNOTATION.length), value] as const);
  return {
    uid,
    name,
    namespace,
    labels: selectEntries(Object.fromEntries(own), options.labels ?? []),
    annotations: selectEntries(Object.fromEntries(annotations), options.annotations ?? []),
    node: null,
    serviceAccount: null,
    workload: null,
  };
}

/** `/web`, but not `/other/alias`, which is a link from another container. */
function nameOf(names: unknown): string | null {
  if (!Array.isArray(names)) return null;
  const own = names.map(textOf).find((name) => name !== null && !name.slice(1).includes('/'));
  return own?.replace(/^\//, '') || null;
}

const objectOf = (value: unknown) =>
  (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;

const textOf = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null);

function labelsOf(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(objectOf(value)).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
}
