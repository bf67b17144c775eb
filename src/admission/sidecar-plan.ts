// What sidecar a pod shall have.
import type { Container } from './pod.ts';

/** As in the Pod of Kubernetes. */
export type SidecarContainer = Readonly<Record<string, unknown>>;

/** Where our sidecar is in a pod. */
export interface OwnSidecar {
  readonly list: 'containers' | 'initContainers';
  readonly index: number;
  readonly container: Container;
}

export interface SidecarPlan {
  readonly native: boolean;
  /** With CAP_SYS_PTRACE, which takes effect only for root; otherwise as an ordinary user without any capability. */
  readonly ptrace: boolean;
  /** Without CAP_SYS_PTRACE: whether it names its user. Otherwise the cluster chooses, else the pod, else the image. */
  readonly fixedUser: boolean;
  /** The sidecar that is there already: it gets what it lacks. */
  readonly own: OwnSidecar | null;
}
