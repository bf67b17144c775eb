// What is known about a pod and container beyond the cgroup's own names, with the source or the gap of each part.
import type { MissingReason } from '../identity.ts';
import type { ContainerFacts, ContainerKind, Namer, PodFacts, Workload } from './facts.ts';
import { isBareDigest } from './image-name.ts';

/** Who said a part of the metadata, or why nobody did. */
export type MetadataProvenance = Namer | MissingReason;

/** The metadata of one container (or pod-level cgroup). Immutable: a change makes a new one. */
export interface Metadata {
  /** The pod that the sources say the container is in, where its cgroup is in none. Absent elsewhere. */
  readonly podUid?: string;
  readonly namespace: string | null;
  readonly podName: string | null;
  readonly labels: Readonly<Record<string, string>> | null;
  readonly annotations: Readonly<Record<string, string>> | null;
  readonly node: string;
  readonly serviceAccount: string | null;
  readonly workload: Workload | null;
  readonly containerName: string | null;
  readonly containerKind: ContainerKind | null;
  readonly image: string | null;
  readonly imageId: string | null;
  /** RFC 3339. */
  readonly containerStartedAt: string | null;
  readonly restartCount: number | null;
  readonly provenance: MetadataParts<MetadataProvenance>;
}

/** The parts that are known or missing as a whole. */
export interface MetadataParts<T> {
  readonly pod: T;
  readonly container: T;
  readonly workload: T;
}

/** A fact and who said it, best source first. */
export interface Said<T> {
  readonly source: Namer;
  readonly facts: T;
}

/** Puts together what the sources say: each field comes from the first that has it. */
export function composeMetadata(
  pods: readonly Said<PodFacts>[],
  containers: readonly Said<ContainerFacts>[],
  missing: MetadataParts<MissingReason>,
  nodeName: string,
  podUid: string | null = null,
): Metadata {
  const pod = <K extends keyof PodFacts>(field: K) => firstOf(pods, field);
  const container = <K extends keyof ContainerFacts>(field: K) => firstOf(containers, field);
  // The runtime names a new container seconds before the API gives its id. It knows neither the kind nor, when the
  // kubelet asked by digest, the image: those are in the spec, under the container's name.
  const name = container('name');
  const declared = pods
    .flatMap(({ facts }) => facts.declared ?? [])
    .find((declaration) => declaration.name === name);
  const image = container('image');
  const owned = pods.find(({ facts }) => facts.workload !== null);
  return Object.freeze({
    ...(podUid === null ? {} : { podUid }),
    namespace: pod('namespace'),
    podName: pod('name'),
    labels: pod('labels'),
    annotations: pod('annotations'),
    node: pod('node') ?? nodeName,
    serviceAccount: pod('serviceAccount'),
    workload: owned?.facts.workload ?? null,
    containerName: name,
    containerKind: declared?.kind ?? container('kind'),
    image: image === null || isBareDigest(image) ? (declared?.image ?? image) : image,
    imageId: container('imageId'),
    containerStartedAt: container('startedAt'),
    restartCount: container('restartCount'),
    provenance: {
      pod: pods[0]?.source ?? missing.pod,
      container: containers[0]?.source ?? missing.container,
      workload: owned?.source ?? missing.workload,
    },
  });
}

function firstOf<T, K extends keyof T>(said: readonly Said<T>[], field: K): T[K] | null {
  for (const { facts } of said) if (facts[field] !== null) return facts[field];
  return null;
}
