// Pods, containers and sources made by hand, for the tests of this folder and of the stages behind it.
import type { Identity } from '../identity.ts';
import type {
  ContainerFacts,
  MetadataSink,
  MetadataSource,
  MetadataSourceName,
  PodFacts,
  SourceState,
} from './facts.ts';

export function podFacts(uid: string, changes: Partial<PodFacts> = {}): PodFacts {
  return {
    uid,
    name: `pod-${uid}`,
    namespace: 'shop',
    labels: { app: 'api' },
    annotations: {},
    node: 'node-1',
    serviceAccount: 'default',
    workload: { kind: 'Deployment', name: 'api' },
    ...changes,
  };
}

export function containerFacts(
  id: string,
  podUid: string | null,
  changes: Partial<ContainerFacts> = {},
): ContainerFacts {
  return {
    id,
    podUid,
    name: 'main',
    kind: 'app',
    image: 'registry.example/api:1',
    imageId: 'sha256:1',
    startedAt: '2026-01-01T00:00:00Z',
    restartCount: 0,
    ...changes,
  };
}

export function identityOf(podUid: string | null, containerId: string | null): Identity {
  const named = podUid !== null || containerId !== null;
  return {
    podUid,
    containerId,
    runtime: null,
    qos: null,
    tags: [],
    unit: null,
    cgroupPath: '/',
    provenance: named ? 'kernel-cgroup' : 'not-a-container',
  };
}

/** A source that says what a test lets it say. */
export class FakeSource implements MetadataSource {
  readonly name: MetadataSourceName;
  state: SourceState = 'ok';
  hints = 0;
  closed = false;
  sink: MetadataSink | undefined;

  constructor(name: MetadataSourceName) {
    this.name = name;
  }

  start(sink: MetadataSink): void {
    this.sink = sink;
  }

  status() {
    const figures = { objects: 0, requests: 0, failures: 0, lastSuccess: null };
    return { name: this.name, endpoint: 'test', state: this.state, reason: null, ...figures };
  }

  hint(): void {
    this.hints++;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}
