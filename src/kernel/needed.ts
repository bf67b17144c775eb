// What loading and attaching programs needs.
import { effectiveCapabilities } from '../os/index.ts';

/** Measured (docs/limits.md): before Linux 5.8, and now still, CAP_SYS_ADMIN is both. */
const NEEDED_TO_LOAD = ['CAP_BPF', 'CAP_PERFMON'];

/** Which capabilities this thread lacks to load programs. */
export function missingToLoad(): string[] {
  const effective = effectiveCapabilities();
  return effective.includes('CAP_SYS_ADMIN')
    ? []
    : NEEDED_TO_LOAD.filter((name) => !effective.includes(name));
}
