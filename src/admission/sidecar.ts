// The container that is added to a pod.
import type { SidecarContainer, SidecarPlan } from './sidecar-plan.ts';
import { METRICS_ANNOTATION, METRICS_PORT, SIDECAR_NAME } from './names.ts';
import { hidesToken, NO_TOKEN } from './no-token.ts';
import { otherContainers, type Pod } from './pod.ts';
import { isGuaranteed } from './quality-of-service.ts';

export interface Quantities {
  readonly cpu: string;
  readonly memory: string;
}

export interface SidecarSettings {
  readonly image: string;
  readonly pullPolicy: string;
  readonly requests: Quantities;
  readonly limits: Quantities;
  /** Loopback addresses in the pod's network. */
  readonly apiPort: number;
  readonly opsPort: number;
}

/** The user of the image. */
const USER = 65_532;

export function sidecarContainer(pod: Pod, plan: SidecarPlan, settings: SidecarSettings): SidecarContainer {
  return {
    name: SIDECAR_NAME,
    image: settings.image,
    imagePullPolicy: settings.pullPolicy,
    args: ['agent'],
    ...(plan.native ? { restartPolicy: 'Always' } : {}),
    env: environment(pod, plan, settings),
    ...metricsPort(pod, settings),
    ...(hidesToken(pod) ? { volumeMounts: [NO_TOKEN.mount] } : {}),
    ...resources(pod, settings),
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      // A capability in a container takes effect only for root: the runtime gives no ambient ones.
      ...user(plan),
      capabilities: { drop: ['ALL'], ...(plan.ptrace ? { add: ['SYS_PTRACE'] } : {}) },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
}

function user({ ptrace, fixedUser }: SidecarPlan): object {
  if (ptrace) return { runAsUser: 0, runAsGroup: 0, runAsNonRoot: false };
  return { ...(fixedUser ? { runAsUser: USER, runAsGroup: USER } : {}), runAsNonRoot: true };
}

/** No probes: a sidecar that has trouble must not take the pod out of service. */
function environment(pod: Pod, plan: SidecarPlan, { apiPort, opsPort }: SidecarSettings): object[] {
  const field = (name: string, fieldPath: string) => ({
    name,
    valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } },
  });
  const value = (name: string, text: string) => ({ name, value: text });
  return [
    value('COGNITOD_COLLECTOR', 'procfs'),
    // The service account is the application's, and the sockets of runtimes are not here.
    value('COGNITOD_KUBERNETES_API', 'off'),
    value('COGNITOD_RUNTIME_CRI', 'off'),
    value('COGNITOD_RUNTIME_DOCKER', 'off'),
    value('COGNITOD_RUNTIME_PODMAN', 'off'),
    value('COGNITOD_EVENTS_PRINT', 'false'),
    ...(plan.ptrace ? [value('COGNITOD_PRIVILEGES_KEEP', 'SYS_PTRACE')] : []),
    value('COGNITOD_API_LISTEN', `127.0.0.1:${freePort(pod, apiPort)}`),
    value('COGNITOD_OPS_LISTEN', `${opsAddress(pod, opsPort)}:${freePort(pod, opsPort)}`),
    field('COGNITOD_NODE_NAME', 'spec.nodeName'),
    field('COGNITOD_POD_NAME', 'metadata.name'),
    field('COGNITOD_POD_NAMESPACE', 'metadata.namespace'),
    field('COGNITOD_POD_UID', 'metadata.uid'),
  ];
}

/** /healthz, /readyz and /metrics, and nothing that could be changed; on loopback where nobody asked or the port is not free. */
function opsAddress(pod: Pod, opsPort: number): string {
  const asks = pod.metadata.annotations?.[METRICS_ANNOTATION] === 'true';
  return asks && freePort(pod, opsPort) !== 0 ? '0.0.0.0' : '127.0.0.1';
}

function metricsPort(pod: Pod, { opsPort }: SidecarSettings): object {
  if (opsAddress(pod, opsPort) !== '0.0.0.0') return {};
  return { ports: [{ name: METRICS_PORT, containerPort: opsPort, protocol: 'TCP' }] };
}

/** 0, so that the kernel chooses one, where the pod has the port itself, or where all pods of a node share their ports. */
function freePort(pod: Pod, port: number): number {
  const isUsed = otherContainers(pod).some(({ ports }) => ports?.some((used) => used.containerPort === port));
  return pod.spec.hostNetwork === true || isUsed ? 0 : port;
}

/** The pod must keep its quality of service, and its own bound where it has one. */
function resources(pod: Pod, { requests, limits }: SidecarSettings): object {
  if (pod.spec.resources != null) return {};
  return { resources: { requests: isGuaranteed(pod) ? limits : requests, limits } };
}
