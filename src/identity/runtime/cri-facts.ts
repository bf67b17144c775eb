// What the lists of the container runtime interface say, as facts of pods and containers.
import type { ContainerFacts, PodFacts } from '../metadata/index.ts';

/** As decoded from cri.proto, with defaults filled in. */
export interface CriSandbox {
  readonly id: string;
  readonly metadata: { readonly name: string; readonly uid: string; readonly namespace: string } | null;
}

export interface CriContainer {
  readonly id: string;
  readonly pod_sandbox_id: string;
  readonly metadata: { readonly name: string; readonly attempt: number } | null;
  readonly image: { readonly image: string } | null;
  readonly image_ref: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface CriFacts {
  readonly pods: readonly PodFacts[];
  readonly containers: readonly ContainerFacts[];
}

/** Sandboxes without metadata, which no kubelet makes, are left out with their containers. */
export function criFacts(sandboxes: readonly CriSandbox[], containers: readonly CriContainer[]): CriFacts {
  const pods = new Map<string, PodFacts>();
  const facts: ContainerFacts[] = [];
  const podOfSandbox = new Map<string, string>();
  for (const { id, metadata } of sandboxes) {
    if (metadata === null || metadata.uid === '') continue;
    // The kubelet gives a static pod the hash of its manifest as uid here, as in the cgroup path.
    const { uid, name, namespace } = metadata;
    podOfSandbox.set(id, uid);
    pods.set(uid, {
      uid,
      name,
      namespace,
      labels: {},
      annotations: {},
      node: null,
      serviceAccount: null,
      workload: null,
    });
    facts.push({
      id,
      podUid: uid,
      name: null,
      kind: 'sandbox',
      image: null,
      imageId: null,
      startedAt: null,
      restartCount: null,
    });
  }
  for (const container of containers) {
    const podUid = podOfSandbox.get(container.pod_sandbox_id);
    if (podUid === undefined) continue;
    facts.push({
      id: container.id,
      podUid,
      name: container.metadata?.name || null,
      kind: 'app',
      image: container.image?.image || null,
      imageId: container.image_ref || null,
      startedAt: null,
      restartCount: restartCount(container),
    });
  }
  return { pods: [...pods.values()], containers: facts };
}

function restartCount({ annotations, metadata }: CriContainer): number | null {
  const counted = annotations['io.kubernetes.container.restartCount'];
  if (counted !== undefined && /^\d{1,9}$/.test(counted)) return Number(counted);
  return metadata?.attempt ?? null;
}
