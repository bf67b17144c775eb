// Whether a pod gets the sidecar, and which one. Nobody gets it unasked, and a pod that it could harm does not get it.
import { INJECT_ANNOTATION, SIDECAR_NAME } from './names.ts';
import type { Pod } from './pod.ts';
import { findOwnSidecar, seesToken, wasTracing } from './restoration.ts';
import type { OwnSidecar, SidecarPlan } from './sidecar-plan.ts';

/** What the annotations and labels of a namespace say. */
export interface NamespaceFacts {
  /** The value of the annotation. */
  readonly inject: string | null;
  /** Pod Security level that is enforced there: `privileged`, `baseline`, `restricted`. */
  readonly enforce: string | null;
  /** Of OpenShift: the user ids that containers there may have, e.g. `1000920000/10000`. */
  readonly uidRange: string | null;
}

/** Facts, or why there are none. */
export type NamespaceAnswer =
  | { readonly known: true; readonly facts: NamespaceFacts }
  | { readonly known: false; readonly reason: string };

export interface DecisionRules {
  readonly excludedNamespaces: ReadonlySet<string>;
  /** Whether the cluster has sidecars as restartable init containers. */
  readonly native: boolean;
  /** Whether CAP_SYS_PTRACE is given where nothing speaks against it. */
  readonly ptrace: boolean;
  /** Pod Security level that is enforced in namespaces that do not say. */
  readonly podSecurityDefault: string;
}

/** `result` is a label of the metrics, so there is a fixed number of them. */
export type Result =
  | 'injected'
  | 'not-asked'
  | 'opted-out'
  | 'already-injected'
  | 'restored'
  | 'excluded-namespace'
  | 'no-pod-creation'
  | 'malformed-pod'
  | 'static-pod'
  | 'windows'
  | 'host-pid'
  | 'separate-process-namespaces'
  | 'name-taken'
  | 'would-not-complete'
  | 'unknown-annotation';

export interface Decision {
  readonly result: Result;
  /** Null leaves the pod as it is. */
  readonly plan: SidecarPlan | null;
  /** Shown to whoever creates the pod. */
  readonly warnings: readonly string[];
}

const leave = (result: Result, ...warnings: string[]): Decision => ({ result, plan: null, warnings });

/** `namespace` is a name; what is known of it is asked for only where it matters. */
export async function decide(
  pod: Pod,
  namespace: string,
  rules: DecisionRules,
  lookUp: (namespace: string) => NamespaceAnswer | Promise<NamespaceAnswer>,
): Promise<Decision> {
  if (rules.excludedNamespaces.has(namespace)) return leave('excluded-namespace');
  if (isStatic(pod)) return leave('static-pod');
  const annotations = pod.metadata.annotations ?? {};
  const wish = annotations[INJECT_ANNOTATION];
  if (wish === 'false') return leave('opted-out');
  if (wish !== undefined && wish !== 'true')
    return leave(
      'unknown-annotation',
      `no sidecar: the annotation ${INJECT_ANNOTATION} must be "true" or "false", not "${wish.slice(0, 40)}"`,
    );
  const answer = await lookUp(namespace);
  if (wish === undefined && !(answer.known && answer.facts.inject === 'true')) return leave('not-asked');
  const fixedUser = hasFixedUser(pod, answer);
  const own = findOwnSidecar(pod);
  if (own !== null) {
    const plan = { native: own.list === 'initContainers', ptrace: wasTracing(own), fixedUser, own };
    return { result: 'already-injected', plan, warnings: troublesOf(pod, own) };
  }
  const obstacle = obstacleIn(pod, rules);
  if (obstacle !== null) return obstacle;
  const { ptrace, warning } = mayTrace(pod, rules, answer);
  return {
    result: 'injected',
    plan: { native: rules.native, ptrace, fixedUser, own },
    warnings: warning === null ? [] : [warning],
  };
}

/** What another webhook did that is not undone. */
function troublesOf(pod: Pod, own: OwnSidecar): string[] {
  const warnings: string[] = [];
  if (pod.spec.shareProcessNamespace === false)
    warnings.push('the sidecar sees only itself: shareProcessNamespace is set to false');
  if (seesToken(pod, own)) warnings.push("the application's token is mounted in the sidecar");
  return warnings;
}

/** OpenShift refuses users outside the range of the namespace. As root, by the pod's word, the sidecar would not start. */
function hasFixedUser({ spec }: Pod, answer: NamespaceAnswer): boolean {
  return spec.securityContext?.runAsUser === 0 || (answer.known && answer.facts.uidRange === null);
}

/** Why a pod that asks for the sidecar cannot have it. */
function obstacleIn(pod: Pod, rules: DecisionRules): Decision | null {
  const { spec } = pod;
  const isTaken = [...spec.containers, ...(spec.initContainers ?? [])].some(
    ({ name }) => name === SIDECAR_NAME,
  );
  if (isTaken) return leave('name-taken', `no sidecar: the pod has a container ${SIDECAR_NAME} of its own`);
  if (isWindows(pod)) return leave('windows', 'no sidecar: it is a Linux program, and this is a Windows pod');
  if (spec.hostPID === true)
    return leave('host-pid', 'no sidecar: with hostPID a pod cannot share a process namespace of its own');
  if (spec.shareProcessNamespace === false)
    return leave('separate-process-namespaces', 'no sidecar: shareProcessNamespace is set to false');
  if (!rules.native && (spec.restartPolicy ?? 'Always') !== 'Always')
    return leave(
      'would-not-complete',
      `no sidecar: with restartPolicy ${spec.restartPolicy} the pod would never complete (needs native sidecars, Kubernetes 1.29)`,
    );
  return null;
}

const TRACE_LOSS = 'executables of processes of other users are not seen';

/** CAP_SYS_PTRACE must not be why a pod is refused, nor go against what the pod says of itself. */
function mayTrace(
  pod: Pod,
  { ptrace, podSecurityDefault }: DecisionRules,
  answer: NamespaceAnswer,
): { ptrace: boolean; warning: string | null } {
  if (!ptrace) return { ptrace: false, warning: null };
  const without = (why: string) => ({
    ptrace: false,
    warning: `the sidecar runs without SYS_PTRACE (${TRACE_LOSS}): ${why}`,
  });
  if (!answer.known) return without(`the namespace cannot be read: ${answer.reason}`);
  const { enforce, uidRange } = answer.facts;
  if (enforce !== null && enforce !== 'privileged')
    return without(`the namespace enforces Pod Security ${enforce.slice(0, 40)}`);
  if (enforce === null && podSecurityDefault !== 'privileged')
    return without(
      `the cluster enforces Pod Security ${podSecurityDefault} (admission.pod_security_default)`,
    );
  if (uidRange !== null) return without('the namespace has a range of user ids (OpenShift)');
  if (pod.spec.securityContext?.runAsNonRoot === true) return without('the pod sets runAsNonRoot');
  return { ptrace: true, warning: null };
}

/** Pods that a kubelet has from a file, and their images in the API: the API cannot change the pod any more. */
function isStatic({ metadata: { annotations, ownerReferences } }: Pod): boolean {
  const source = annotations?.['kubernetes.io/config.source'];
  return (
    annotations?.['kubernetes.io/config.mirror'] !== undefined ||
    (source !== undefined && source !== 'api') ||
    (ownerReferences ?? []).some(({ kind }) => kind === 'Node')
  );
}

function isWindows({ spec: { os, nodeSelector } }: Pod): boolean {
  const selected = nodeSelector?.['kubernetes.io/os'] ?? nodeSelector?.['beta.kubernetes.io/os'];
  return os?.name === 'windows' || selected === 'windows';
}
