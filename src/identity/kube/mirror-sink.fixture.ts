// A sink that keeps what it is told, the way the store does.
import type { ContainerFacts, MetadataSink, MetadataSourceName, PodFacts } from '../metadata/index.ts';

export class MirrorSink implements MetadataSink {
  readonly pods = new Map<string, PodFacts>();
  readonly containers = new Map<string, ContainerFacts>();
  replaces = 0;
  upserts = 0;
  removes = 0;

  replace(_: MetadataSourceName, pods: readonly PodFacts[], containers: readonly ContainerFacts[]): void {
    this.replaces++;
    this.pods.clear();
    this.containers.clear();
    for (const pod of pods) this.pods.set(pod.uid, pod);
    for (const container of containers) this.containers.set(container.id, container);
  }

  upsert(_: MetadataSourceName, pod: PodFacts, containers: readonly ContainerFacts[]): void {
    this.upserts++;
    this.#forget(pod.uid);
    this.pods.set(pod.uid, pod);
    for (const container of containers) this.containers.set(container.id, container);
  }

  remove(_: MetadataSourceName, podUid: string): void {
    this.removes++;
    this.#forget(podUid);
    this.pods.delete(podUid);
  }

  /** Everything, in an order that does not depend on how it came. */
  state(): { pods: PodFacts[]; containers: ContainerFacts[] } {
    return stateOf([...this.pods.values()], [...this.containers.values()]);
  }

  #forget(podUid: string): void {
    for (const [id, container] of this.containers)
      if (container.podUid === podUid) this.containers.delete(id);
  }
}

export function stateOf(pods: readonly PodFacts[], containers: readonly ContainerFacts[]) {
  return {
    pods: pods.map((pod) => ({ ...pod, labels: { ...pod.labels } })).sort((a, b) => (a.uid < b.uid ? -1 : 1)),
    containers: [...containers].sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}
