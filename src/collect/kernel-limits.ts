// What a kernel cannot give, in words for status and doctor; docs/limits.md says it at length.
import type { LoadedPrograms } from '../kernel/index.ts';

const LOCKED_DOWN =
  'the kernel is locked down to confidentiality: cgroups get their names from their directories, so one that is gone at once has none; pids in other pid namespaces and the layer of an executable are unknown';
const PREEMPTIBLE =
  'the kernel can preempt tracepoints: an exec or exit that it skips in spite of four programs has no event, and is counted afterwards';

export function kernelLimits({
  readsKernel,
  missing,
  preemptible,
}: Pick<LoadedPrograms, 'readsKernel' | 'missing' | 'preemptible'>): string[] {
  return [
    ...(readsKernel ? [] : [LOCKED_DOWN]),
    ...missing.map(({ without, reason }) => (reason === null ? without : `${without} (${reason})`)),
    ...(preemptible ? [PREEMPTIBLE] : []),
  ];
}
