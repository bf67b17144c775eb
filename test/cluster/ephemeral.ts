// Adds a container for debugging to a running pod, as servers of any age take it.
import { containerOf } from './container.ts';
import type { Kubectl } from './kubectl.ts';
import type { SeenPod } from './pods.ts';
import type { WorkloadContext } from './workloads.ts';

/** Null when it was added, else why this server does not take it. */
export async function addEphemeralContainer(
  kubectl: Kubectl,
  { run, image }: WorkloadContext,
  { name, namespace, owner }: SeenPod,
): Promise<string | null> {
  const container = containerOf({
    run,
    image,
    ending: 'end',
    mark: {
      group: 'ephemeral',
      container: 'debugger',
      kind: 'ephemeral',
      workloadKind: owner.kind,
      workloadName: owner.name,
    },
  });
  const path = `/api/v1/namespaces/${namespace}/pods/${name}/ephemeralcontainers`;
  const text = await kubectl(['get', 'pod', name, '-n', namespace, '-o', 'json']);
  const pod = JSON.parse(text) as { spec: object };
  // Since 1.22 the subresource takes the pod itself, before an object of its own kind.
  const older = {
    apiVersion: 'v1',
    kind: 'EphemeralContainers',
    metadata: { name, namespace },
    ephemeralContainers: [container],
  };
  const newer = { ...pod, spec: { ...pod.spec, ephemeralContainers: [container] } };
  try {
    await kubectl(['replace', '--raw', path, '-f', '-'], { input: JSON.stringify(newer) });
    return null;
  } catch {
    return kubectl(['replace', '--raw', path, '-f', '-'], { input: JSON.stringify(older) }).then(
      () => null,
      (error: Error) => error.message,
    );
  }
}
