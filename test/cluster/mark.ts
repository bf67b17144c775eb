// What a process of a workload says of itself in its arguments: the truth that the agent is compared with.
//
// The kubelet fills in the pod's part (downward API) when it makes the container, the manifest the rest, so nothing of
// it comes from the agent.

export type MarkedKind = 'app' | 'init' | 'ephemeral';

export interface Mark {
  /** The line of the report that it counts for. */
  readonly group: string;
  readonly namespace: string;
  readonly pod: string;
  /** As in the cgroup path: of a static pod the hash of its manifest. */
  readonly podUid: string;
  readonly container: string;
  readonly kind: MarkedKind;
  readonly workloadKind: string;
  readonly workloadName: string;
  /** How many times the container was started before; null in a container's first process, which must find out. */
  readonly life: number | null;
}

/** What of a mark is known when the manifest is written. */
export type MarkTemplate = Pick<Mark, 'group' | 'container' | 'kind' | 'workloadKind' | 'workloadName'>;

/** The argument for a manifest, with references that the kubelet replaces by the container's environment. */
export function markTemplate(run: string, template: MarkTemplate): string {
  const { group, container, kind, workloadKind, workloadName } = template;
  const pod = ['$(POD_NAMESPACE)', '$(POD_NAME)', '$(POD_UID)'];
  return [run, group, ...pod, container, kind, workloadKind, workloadName].join('/');
}

/** The environment that `markTemplate` refers to. */
export const MARK_ENVIRONMENT = Object.entries({
  POD_NAMESPACE: 'metadata.namespace',
  POD_NAME: 'metadata.name',
  POD_UID: 'metadata.uid',
  NODE_NAME: 'spec.nodeName',
}).map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } }));

/** The mark among the arguments of a process of this run; null without one. */
export function findMark(run: string, argv: readonly string[] | null): Mark | null {
  const text = argv?.find((argument) => argument.startsWith(`${run}/`));
  if (text === undefined) return null;
  const parts = text.split('/').slice(1);
  if (parts.length !== 8 && parts.length !== 9) throw new Error(`not a mark: ${text}`);
  const [group, namespace, pod, podUid, container, kind, workloadKind, workloadName, life] = parts as [
    ...string[],
  ];
  return {
    group: group!,
    namespace: namespace!,
    pod: pod!,
    podUid: podUid!,
    container: container!,
    kind: kind as MarkedKind,
    workloadKind: workloadKind!,
    workloadName: workloadName!,
    life: life === undefined ? null : Number(life),
  };
}

/** One life of one container. */
export const lifeKey = (podUid: string, container: string, life: number) => `${podUid}/${container}/${life}`;
