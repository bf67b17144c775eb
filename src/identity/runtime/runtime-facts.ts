// What one look at a runtime gives, and the pieces that CRI and Docker make alike.
import { type ContainerFacts, isBareDigest, type PodFacts } from '../metadata/index.ts';

/** Everything on this node after one look. `startedAt` is null where it takes a question of its own. */
export interface RuntimeFacts {
  readonly pods: readonly PodFacts[];
  readonly containers: readonly ContainerFacts[];
  /** Ids of the containers that run now: those have a start to ask for. */
  readonly running: ReadonlySet<string>;
}

/** What no list tells of a container. */
export interface ContainerDetails {
  /** RFC 3339; null before the start. */
  readonly startedAt: string | null;
  /** The image's name as its user wrote it, where the runtime knows that. */
  readonly image: string | null;
}

export const NO_FACTS: RuntimeFacts = { pods: [], containers: [], running: new Set() };

/** The pause container: it has no name in the pod's spec. */
export function sandboxFacts(id: string, podUid: string): ContainerFacts {
  return {
    id,
    podUid,
    name: null,
    kind: 'sandbox',
    image: null,
    imageId: null,
    startedAt: null,
    restartCount: null,
  };
}

/** With what a question of its own told; null without it. */
export function withDetails(facts: ContainerFacts, details: ContainerDetails | null): ContainerFacts {
  const isNamed = facts.image !== null && !isBareDigest(facts.image);
  const image = isNamed ? facts.image : (details?.image ?? facts.image);
  return { ...facts, image, startedAt: details?.startedAt ?? null };
}

/** A count that the kubelet wrote as text; null for anything else. */
export function parseCount(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}
