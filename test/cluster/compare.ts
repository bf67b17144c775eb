// Compares what the agent says of a process with what is true of it.
import type { EventJson, ProcessJson } from '../../src/api/index.ts';
import { lifeKey, type Mark } from './mark.ts';
import type { Pods } from './pods.ts';

export type Part = 'pod' | 'container' | 'workload';
type Told = EventJson | ProcessJson;

export interface Comparison {
  /** Fields with another value than the right one, or without one and without hope. */
  readonly wrong: readonly string[];
  /** Parts that were not known yet. */
  readonly pending: readonly Part[];
  /** Fields that nobody could know, because the API did not answer. */
  readonly unreachable: readonly string[];
}

/** `mark` comes from the process itself, `pods` from kubectl. */
export function compare(told: Told, mark: Mark, pods: Pods): Comparison {
  const wrong: string[] = [];
  const unreachable: string[] = [];
  const pod = pods.pods.get(mark.podUid);
  const check = (part: Part, field: keyof Told, isRight: (value: unknown) => boolean, right: unknown) => {
    const value = told[field];
    if (isRight(value)) return;
    const reason = told.metadata_provenance?.[part] ?? 'absent';
    // The pod's uid and the container's id are the kernel's: nobody has to be waited for.
    const isKernels = field === 'pod_uid' || field === 'container_id';
    if (value == null && reason === 'pending' && !isKernels) return;
    const list = value == null && reason === 'api-unreachable' ? unreachable : wrong;
    list.push(`${field} is ${JSON.stringify(value)}, not ${JSON.stringify(right)} (${part}: ${reason})`);
  };
  const equal = (part: Part, field: keyof Told, right: unknown) =>
    check(part, field, (value) => value === right, right);

  equal('pod', 'pod_uid', mark.podUid);
  equal('pod', 'namespace', mark.namespace);
  equal('pod', 'pod_name', mark.pod);
  equal('pod', 'node', pod?.node);
  equal('workload', 'workload_kind', mark.workloadKind);
  equal('workload', 'workload_name', mark.workloadName);
  equal('container', 'container_name', mark.container);
  equal('container', 'container_kind', mark.kind);
  const images = pod?.images ?? new Set();
  // The runtime alone knows the image by its digest only.
  const digest =
    told.metadata_provenance?.workload === 'api-unreachable' && told.image?.startsWith('sha256:');
  if (digest) unreachable.push('image is a digest');
  else check('container', 'image', (value) => images.has(value as string), [...images].join(' or '));
  if (mark.life !== null) {
    // Mounts tell the name, not how often the container was started before.
    if (told.metadata_provenance?.container !== 'inferred')
      equal('container', 'container_restart_count', mark.life);
    const life = pods.lives.get(lifeKey(mark.podUid, mark.container, mark.life));
    if (life !== undefined) equal('container', 'container_id', life.containerId);
  }
  check('container', 'container_id', (value) => typeof value === 'string', 'some id');
  const pending = PARTS.filter((part) => told.metadata_provenance?.[part] === 'pending');
  return { wrong, pending, unreachable };
}

const PARTS = ['pod', 'container', 'workload'] as const;
