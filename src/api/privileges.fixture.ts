// An agent that holds nothing, for tests.
import type { PrivilegesJson } from './status.ts';

export const NOTHING_HELD: PrivilegesJson = {
  cap_effective: [],
  cap_permitted: [],
  cap_inheritable: [],
  cap_bounding: [],
  cap_ambient: [],
  no_new_privs: true,
  seccomp: 'filter',
  uid: 65532,
  gid: 65532,
  threads: 11,
  dropped: true,
  kept: [],
  privileged_seconds: 0.25,
  confinement: { system_calls: true, landlock: 7, missing: [] },
};
