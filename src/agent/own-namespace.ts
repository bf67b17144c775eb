// The namespace of the agent's own account, as Kubernetes mounts it.
import { readFileSync } from 'node:fs';

const FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** `default` outside of a pod. */
export function ownNamespace(): string {
  try {
    return readFileSync(FILE, 'utf8').trim() || 'default';
  } catch {
    return 'default';
  }
}
