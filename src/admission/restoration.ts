// Puts back what another webhook has taken from a pod that has our sidecar already.
//
// What others have added or changed stays. Only the restart policy of a native sidecar is set whatever it is: with another one
// the pod would wait for its end for ever. A capability that was taken stays away: a policy of the cluster may refuse the pod
// for it.
import { INJECTED, NO_TOKEN_VOLUME, SIDECAR_NAME, STATUS_ANNOTATION } from './names.ts';
import { hasNoTokenVolume, hidesToken, NO_TOKEN } from './no-token.ts';
import { annotationPatch, type PatchOperation } from './patch.ts';
import type { Pod } from './pod.ts';
import type { OwnSidecar, SidecarContainer } from './sidecar-plan.ts';

/** Null where there is none, and where a container of somebody else has its name. */
export function findOwnSidecar(pod: Pod): OwnSidecar | null {
  for (const list of ['initContainers', 'containers'] as const) {
    const index = (pod.spec[list] ?? []).findIndex(({ name }) => name === SIDECAR_NAME);
    const container = pod.spec[list]?.[index];
    if (container === undefined) continue;
    const isMarked = pod.metadata.annotations?.[STATUS_ANNOTATION] === INJECTED;
    const isOurs =
      isMarked ||
      (container.env ?? []).some(({ name, value }) => name === 'COGNITOD_COLLECTOR' && value === 'procfs');
    return isOurs ? { list, index, container } : null;
  }
  return null;
}

/** Whether it is one with CAP_SYS_PTRACE, as far as that was left to it. */
export const wasTracing = ({ container: { securityContext } }: OwnSidecar): boolean =>
  (securityContext?.capabilities?.add ?? []).includes('SYS_PTRACE') || securityContext?.runAsUser === 0;

/** `object` is the pod as it came, `wanted` the sidecar as it would be injected now. */
export function restorationPatch(
  pod: Pod,
  object: unknown,
  { list, index }: OwnSidecar,
  wanted: SidecarContainer,
): PatchOperation[] {
  const patch: PatchOperation[] = [...annotationPatch(pod)];
  const add = (path: string, value: unknown) => patch.push({ op: 'add', path, value });
  if (pod.spec.shareProcessNamespace == null) add('/spec/shareProcessNamespace', true);
  if (hidesToken(pod) && !hasNoTokenVolume(pod)) {
    if (pod.spec.volumes == null) add('/spec/volumes', []);
    add('/spec/volumes/-', NO_TOKEN.volume);
  }
  const raw = (object as { spec: Record<string, Record<string, unknown>[]> }).spec[list]![index]!;
  addMissing(withoutCapabilities(wanted), raw, `/spec/${list}/${index}`, add);
  if (list === 'initContainers' && raw.restartPolicy != null && raw.restartPolicy !== 'Always')
    add(`/spec/${list}/${index}/restartPolicy`, 'Always');
  return patch;
}

/** Whether the application's token is mounted in the sidecar although it should not be. */
export const seesToken = (pod: Pod, { container: { volumeMounts } }: OwnSidecar): boolean =>
  hidesToken(pod) &&
  (volumeMounts ?? []).some(
    ({ name, mountPath }) => mountPath === NO_TOKEN.mount.mountPath && name !== NO_TOKEN_VOLUME,
  );

function withoutCapabilities(wanted: SidecarContainer): SidecarContainer {
  const { capabilities: _, ...securityContext } = wanted.securityContext as Record<string, unknown>;
  return { ...wanted, securityContext: { ...securityContext, capabilities: { drop: ['ALL'] } } };
}

/** What names an element of these lists, as Kubernetes merges them; lists without it are taken as a whole. */
const KEYS: Readonly<Record<string, string>> = { env: 'name', ports: 'name', volumeMounts: 'mountPath' };

function addMissing(
  wanted: Readonly<Record<string, unknown>>,
  actual: Readonly<Record<string, unknown>>,
  path: string,
  add: (path: string, value: unknown) => void,
): void {
  for (const [key, value] of Object.entries(wanted)) {
    const there = actual[key];
    const inner = `${path}/${key}`;
    if (there === undefined || there === null) add(inner, value);
    else if (Array.isArray(value) && Array.isArray(there)) {
      const name = KEYS[key];
      if (name === undefined) continue;
      const names = new Set(there.map((item) => item?.[name]));
      for (const item of value) if (!names.has(item[name])) add(`${inner}/-`, item);
    } else if (isObject(value) && isObject(there)) addMissing(value, there, inner, add);
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
