// What the agent holds now, as the kernel tells it, and what it did with it at its start.
import type { PrivilegesJson } from '../api/index.ts';
import { readPrivileges } from '../lib/index.ts';
import type { PrivilegedStart } from '../start/index.ts';

export function privilegesJson({
  privilegedSeconds,
  kept,
  confinement,
}: Pick<PrivilegedStart, 'privilegedSeconds' | 'kept' | 'confinement'>): PrivilegesJson {
  const held = readPrivileges('/proc', 'self');
  return {
    cap_effective: [...held.effective],
    cap_permitted: [...held.permitted],
    cap_inheritable: [...held.inheritable],
    cap_bounding: [...held.bounding],
    cap_ambient: [...held.ambient],
    no_new_privs: held.noNewPrivileges,
    seccomp: held.seccomp,
    uid: held.uid,
    gid: held.gid,
    threads: held.threads,
    dropped: privilegedSeconds !== null,
    // What was to be kept but was never there is not kept.
    kept: kept.filter((name) => held.permitted.includes(name)),
    privileged_seconds: privilegedSeconds,
    confinement: {
      system_calls: confinement.systemCalls,
      landlock: confinement.landlock,
      missing: [...confinement.missing],
    },
  };
}
