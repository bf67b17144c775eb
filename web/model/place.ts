// Where a process runs, as the groups of the tree: namespace, workload, pod, container.
import type { ProcessJson } from '../../src/api/index.ts';
import { harmless } from '../../src/lib/text.ts';

export interface Group {
  readonly kind:
    | 'namespace'
    | 'workload'
    | 'pod'
    | 'container'
    | 'pods'
    | 'containers'
    | 'host'
    | 'unit'
    | 'kernel';
  /** Harmless. */
  readonly name: string;
  /** Equal for the same group, whatever it is called. */
  readonly key: string;
}

/** What places are made of; events have it too. */
export type Placed = Pick<
  ProcessJson,
  | 'container_id'
  | 'pod_uid'
  | 'unit'
  | 'kernel_thread'
  | 'namespace'
  | 'pod_name'
  | 'workload_kind'
  | 'workload_name'
  | 'container_name'
> &
  Partial<Pick<ProcessJson, 'provenance'>>;

/** Only a name says which container it is: it stands with the unit or host that it is in. */
const isClaimed = ({ provenance }: Placed) => provenance === 'claimed';

/** From the outermost group inwards; never empty. */
export function groupsOf(placed: Placed): readonly Group[] {
  if (placed.kernel_thread) return [{ kind: 'kernel', name: 'Kernel threads', key: 'kernel' }];
  if (placed.pod_uid !== null) return podGroups(placed);
  if (placed.container_id !== null && !isClaimed(placed)) {
    const outer: Group = { kind: 'containers', name: 'outside of pods', key: 'containers' };
    return [outer, containerGroup(placed, outer.key)];
  }
  const host: Group = { kind: 'host', name: 'Host', key: 'host' };
  if (placed.unit === null) return [host];
  return [host, { kind: 'unit', name: harmless(placed.unit), key: `host/${placed.unit}` }];
}

function podGroups(placed: Placed): readonly Group[] {
  const { namespace, pod_name, pod_uid, workload_kind, workload_name } = placed;
  const outer: Group =
    namespace == null
      ? { kind: 'pods', name: 'not named yet', key: 'pods' }
      : { kind: 'namespace', name: harmless(namespace), key: `ns/${namespace}` };
  const groups = [outer];
  // A pod that nothing owns is its own workload.
  if (workload_name != null && workload_kind !== 'Pod') {
    const name = `${harmless(workload_kind ?? '')} ${harmless(workload_name)}`.trim();
    groups.push({ kind: 'workload', name, key: `${outer.key}/${workload_kind}/${workload_name}` });
  }
  const pod = `pod/${pod_uid}`;
  groups.push({ kind: 'pod', name: harmless(pod_name ?? pod_uid ?? ''), key: pod });
  if (placed.container_id !== null) groups.push(containerGroup(placed, pod));
  return groups;
}

function containerGroup({ container_name, container_id }: Placed, outer: string): Group {
  const name = harmless(container_name ?? container_id!.slice(0, 12));
  return { kind: 'container', name, key: `${outer}/${container_id}` };
}

/** In one line: `shop/api-1/main`, a unit, or where else. Harmless. */
export function placeText(placed: Placed): string {
  if (placed.kernel_thread) return 'kernel';
  const { namespace, pod_name, pod_uid, container_id } = placed;
  if (isClaimed(placed) || (pod_uid === null && container_id === null))
    return harmless(placed.unit ?? 'host');
  const container = placed.container_name ?? container_id?.slice(0, 12);
  const pod = pod_uid === null ? undefined : (pod_name ?? pod_uid.slice(0, 8));
  return [namespace, pod, container].flatMap((part) => (part == null ? [] : [harmless(part)])).join('/');
}
