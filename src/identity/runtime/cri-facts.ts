// What the lists of the container runtime interface say, as facts of pods and containers.
import { parseCount, type RuntimeFacts, sandboxFacts } from './runtime-facts.ts';
import {
  type ContainerFacts,
  isBareDigest,
  type PodFacts,
  type SelectionOptions,
  selectEntries,
} from '../metadata/index.ts';

/** As decoded from cri.proto, with defaults filled in. */
export interface CriSandbox {
  readonly id: string;
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly namespace: string;
    readonly attempt?: number;
  } | null;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface CriContainer {
  readonly id: string;
  readonly pod_sandbox_id: string;
  readonly metadata: { readonly name: string; readonly attempt: number } | null;
  readonly image: CriImage | null;
  readonly image_ref: string;
  readonly state?: number;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface CriImage {
  readonly image: string;
  readonly user_specified_image?: string;
}

const CONTAINER_RUNNING = 1;

/** Sandboxes without metadata, which no kubelet makes, are left out with their containers. */
export function criFacts(
  sandboxes: readonly CriSandbox[],
  containers: readonly CriContainer[],
  options: SelectionOptions = {},
): RuntimeFacts {
  const pods = new Map<string, PodFacts>();
  const facts: ContainerFacts[] = [];
  const running = new Set<string>();
  const podOfSandbox = new Map<string, string>();
  // Of a pod's sandboxes the newest attempt speaks last, so it counts.
  const byAttempt = [...sandboxes].sort((a, b) => (a.metadata?.attempt ?? 0) - (b.metadata?.attempt ?? 0));
  for (const sandbox of byAttempt) {
    const uid = podUid(sandbox);
    if (uid === '' || sandbox.id === '') continue;
    podOfSandbox.set(sandbox.id, uid);
    pods.set(uid, podFacts(uid, sandbox, options));
    facts.push(sandboxFacts(sandbox.id, uid));
  }
  for (const container of containers) {
    const uid = podOfSandbox.get(container.pod_sandbox_id);
    if (uid === undefined || container.id === '') continue;
    if (container.state === CONTAINER_RUNNING) running.add(container.id);
    facts.push({
      id: container.id,
      podUid: uid,
      name: container.metadata?.name || null,
      // CRI cannot tell init containers from others.
      kind: 'app',
      image: imageName(container.image),
      imageId: container.image_ref || null,
      startedAt: null,
      restartCount: restartCount(container),
    });
  }
  return { pods: [...pods.values()], containers: facts, running };
}

/** The name that the runtime uses, else the one in the pod's spec, else the digest. */
export function imageName(image: CriImage | null | undefined): string | null {
  const used = image?.image || null;
  return used === null || isBareDigest(used) ? image?.user_specified_image || used : used;
}

/**
 * As in the cgroup path: the kubelet gives the uid by which it names the cgroup, for a static pod the hash of its manifest. The
 * annotations are the pod's own, so whoever made the pod may have written another's uid there.
 */
const podUid = ({ metadata }: CriSandbox): string => metadata?.uid ?? '';

function podFacts(uid: string, sandbox: CriSandbox, options: SelectionOptions): PodFacts {
  return {
    uid,
    name: sandbox.metadata?.name ?? '',
    namespace: sandbox.metadata?.namespace ?? '',
    labels: selectEntries(sandbox.labels ?? {}, options.labels ?? []),
    annotations: selectEntries(sandbox.annotations ?? {}, options.annotations ?? []),
    node: null,
    serviceAccount: null,
    workload: null,
  };
}

function restartCount({ annotations, metadata }: CriContainer): number | null {
  return parseCount(annotations['io.kubernetes.container.restartCount']) ?? metadata?.attempt ?? null;
}
