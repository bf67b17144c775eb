// What a pod of the Kubernetes API says, as facts of the pod and its containers.
import {
  type ContainerFacts,
  type ContainerKind,
  type DeclaredContainer,
  isBareDigest,
  type PodFacts,
  type SelectionOptions,
  selectEntries,
} from '../metadata/index.ts';
import { type Fields, fieldsOf, listOf, textOf } from './json.ts';
import type { OwnerHints, OwnerReference } from './owner-rules.ts';

/** A pod as it is remembered: without what nobody asks for. */
export interface KnownPod {
  /** The API's own uid: of a static pod another one than in `facts`. */
  readonly apiUid: string;
  /** Its workload is null: that is for the owner to tell. */
  readonly facts: PodFacts;
  readonly containers: readonly ContainerFacts[];
  /** The controller; null for a bare pod. */
  readonly owner: OwnerReference | null;
  readonly hints: OwnerHints;
  /** As the API writes it; null where it does not. */
  readonly createdAt: string | null;
}

const CONTAINERS: readonly (readonly [ContainerKind, statuses: string, specs: string])[] = [
  ['app', 'containerStatuses', 'containers'],
  ['init', 'initContainerStatuses', 'initContainers'],
  ['ephemeral', 'ephemeralContainerStatuses', 'ephemeralContainers'],
];

/** Null for what has no uid, name or namespace. Fields of a wrong type are as if missing. */
export function parsePod(pod: Fields, options: SelectionOptions = {}): KnownPod | null {
  const meta = fieldsOf(pod.metadata);
  const spec = fieldsOf(pod.spec);
  const [apiUid, name, namespace] = [textOf(meta.uid), textOf(meta.name), textOf(meta.namespace)];
  if (apiUid === null || name === null || namespace === null) return null;
  const node = textOf(spec.nodeName);
  const uid = staticPodUid(meta, node) ?? apiUid;
  return {
    apiUid,
    facts: {
      uid,
      name,
      namespace,
      labels: selectEntries(meta.labels, options.labels ?? []),
      annotations: selectEntries(meta.annotations, options.annotations ?? []),
      node,
      serviceAccount: textOf(spec.serviceAccountName) ?? textOf(spec.serviceAccount),
      workload: null,
      declared: declaredIn(spec),
    },
    containers: containersOf(spec, fieldsOf(pod.status), uid),
    owner: controllerOf(meta),
    hints: {
      templateHash: textOf(fieldsOf(meta.labels)['pod-template-hash']),
      deploymentConfig: textOf(fieldsOf(meta.labels).deploymentconfig),
    },
    createdAt: timeOf(meta.creationTimestamp),
  };
}

/** The owner that controls the object; null when none does. */
export function controllerOf(metadata: unknown): OwnerReference | null {
  const owner = listOf(fieldsOf(metadata).ownerReferences).find(({ controller }) => controller === true);
  const [kind, name, uid] = [textOf(owner?.kind), textOf(owner?.name), textOf(owner?.uid)];
  if (kind === null || name === null || uid === null) return null;
  return { apiVersion: textOf(owner?.apiVersion) ?? '', kind, name, uid };
}

/**
 * The kubelet names the cgroups of pods from its own files by the hash of the file, before the API knows them. Anybody who
 * may create pods can write annotations, so only a whole mirror pod counts, as the kubelet makes it
 * (pkg/kubelet/pod/mirror_client.go), and never a uid in the form that the API gives.
 */
function staticPodUid(meta: Fields, node: string | null): string | null {
  const annotations = fieldsOf(meta.annotations);
  const source = textOf(annotations['kubernetes.io/config.source']);
  const hash = textOf(annotations['kubernetes.io/config.hash']);
  const owner = controllerOf(meta);
  const isMirror =
    source !== null &&
    source !== 'api' &&
    annotations['kubernetes.io/config.mirror'] === hash &&
    owner?.kind === 'Node' &&
    owner.apiVersion === 'v1' &&
    owner.name === node;
  return isMirror && hash !== null && MANIFEST_HASH.test(hash) ? hash : null;
}

const MANIFEST_HASH = /^[0-9a-f]{32}$/;

function declaredIn(spec: Fields): DeclaredContainer[] {
  return CONTAINERS.flatMap(([kind, , specs]) =>
    listOf(spec[specs]).flatMap(({ name, image }) => {
      const text = textOf(name);
      return text === null ? [] : [{ name: text, kind, image: textOf(image) }];
    }),
  );
}

function containersOf(spec: Fields, status: Fields, podUid: string): ContainerFacts[] {
  const containers = new Map<string, ContainerFacts>();
  for (const [kind, statuses, specs] of CONTAINERS) {
    for (const entry of listOf(status[statuses])) {
      const name = textOf(entry.name);
      const declared = listOf(spec[specs]).find((container) => container.name === name);
      const facts = {
        podUid,
        name,
        kind,
        image: imageOf(entry, declared),
        imageId: textOf(entry.imageID)?.replace(SCHEME, '') ?? null,
      };
      const state = fieldsOf(entry.state);
      const ended = fieldsOf(fieldsOf(entry.lastState).terminated);
      const restarts = countOf(entry.restartCount);
      const id = idOf(entry.containerID);
      const endedId = idOf(ended.containerID);
      // The life before: its last processes may still be told of.
      if (endedId !== null && endedId !== id) {
        const restartCount = restarts === null || restarts === 0 ? null : restarts - 1;
        containers.set(endedId, { id: endedId, ...facts, startedAt: timeOf(ended.startedAt), restartCount });
      }
      if (id === null) continue;
      const startedAt =
        timeOf(fieldsOf(state.running).startedAt) ??
        timeOf(fieldsOf(state.terminated).startedAt) ??
        // Waiting to be started again: the last life is the current one.
        (id === endedId ? timeOf(ended.startedAt) : null);
      containers.set(id, { id, ...facts, startedAt, restartCount: restarts });
    }
  }
  return [...containers.values()];
}

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//;

/** `containerd://0123…` without the runtime; null for anything else. */
function idOf(value: unknown): string | null {
  const text = textOf(value);
  return text !== null && SCHEME.test(text) ? text.replace(SCHEME, '') || null : null;
}

/** The name that the runtime used; where it gives a bare digest, the one in the spec says more. */
function imageOf(status: Fields, declared: Fields | undefined): string | null {
  const used = textOf(status.image);
  return used === null || isBareDigest(used) ? (textOf(declared?.image) ?? used) : used;
}

function timeOf(value: unknown): string | null {
  const text = textOf(value);
  return text === null || Number.isNaN(Date.parse(text)) ? null : text;
}

const countOf = (value: unknown) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
