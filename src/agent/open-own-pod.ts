// Whether everything that this agent sees is of one pod: its own.
import { describeScope } from '../collect/index.ts';
import { OwnPod } from '../identity/index.ts';
import type { Config } from '../lib/index.ts';

/**
 * Null for an agent that is told no pod, or that sees more than one. `warn` takes why a pod that was told is not used: a
 * wrong pod is worse than none.
 */
export function openOwnPod(
  { pod: { uid, name, namespace }, proc_root }: Config,
  collector: 'ebpf' | 'procfs',
  warn: (text: string) => void,
): OwnPod | null {
  if (uid === null) return null;
  if (collector === 'procfs' && describeScope(proc_root) !== null)
    return new OwnPod({ uid, name, namespace });
  warn(`pod.uid is ignored: it is for a sidecar, and this agent sees more than the processes of one pod`);
  return null;
}
