// The JSON patch (RFC 6902) that turns a pod into one with the sidecar.
//
// Only members and elements that were not there are added, so removing the same paths in reverse order gives the
// original, and whatever other webhooks did is kept.
import type { Pod } from './pod.ts';
import { INJECTED, STATUS_ANNOTATION } from './names.ts';
import { hasNoTokenVolume, hidesToken, NO_TOKEN } from './no-token.ts';
import type { SidecarContainer, SidecarPlan } from './sidecar-plan.ts';

export interface PatchOperation {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

export function injectionPatch(pod: Pod, plan: SidecarPlan, sidecar: SidecarContainer): PatchOperation[] {
  const patch: PatchOperation[] = [...annotationPatch(pod)];
  const add = (path: string, value: unknown) => patch.push({ op: 'add', path, value });
  if (pod.spec.shareProcessNamespace !== true) add('/spec/shareProcessNamespace', true);
  if (hidesToken(pod) && !hasNoTokenVolume(pod)) {
    if (pod.spec.volumes == null) add('/spec/volumes', []);
    add('/spec/volumes/-', NO_TOKEN.volume);
  }
  if (plan.native) {
    if (pod.spec.initContainers == null) add('/spec/initContainers', []);
    // Before the others, so that it sees them too.
    add('/spec/initContainers/0', sidecar);
  } else {
    // After the others: kubectl logs and exec take the first one.
    add('/spec/containers/-', sidecar);
  }
  return patch;
}

/** Nothing where the annotation is there. */
export function annotationPatch({ metadata: { annotations } }: Pod): PatchOperation[] {
  if (annotations?.[STATUS_ANNOTATION] === INJECTED) return [];
  const path = `/metadata/annotations/${escapePointer(STATUS_ANNOTATION)}`;
  const field: PatchOperation = { op: 'add', path: '/metadata/annotations', value: {} };
  return [...(annotations == null ? [field] : []), { op: 'add', path, value: INJECTED }];
}

/** RFC 6901. */
const escapePointer = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');
