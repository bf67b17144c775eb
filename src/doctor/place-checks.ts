// Whether the agent is where it can see the node: namespaces and mounts.
import { existsSync } from 'node:fs';
import { describeScope, isInInitialPidNamespace, ownPidNamespace } from '../collect/index.ts';
import { CgroupRoots, createProcReader, hasOwnCgroupNamespace, readCgroupFile } from '../identity/index.ts';
import { type Check, fail, isSidecar, ok, polls, skip, warn } from './check.ts';
import { eachPid, pidsIn, readOr } from './proc.ts';

const hostPid: Check = {
  id: 'host-pid',
  title: 'In whose pid namespace is it?',
  run(surroundings) {
    const { config, ownProc } = surroundings;
    const { proc_root } = config;
    if (ownPidNamespace(proc_root, ownProc) === null) return skip('the kernel does not tell');
    if (isInInitialPidNamespace(proc_root, ownProc)) return ok("the node's (hostPID)");
    if (describeScope(proc_root, ownProc) === null)
      return ok(`one of its own; the node's processes are seen in ${proc_root}`);
    if (isSidecar(surroundings)) return ok("its pod's, as a sidecar is");
    return warn(
      'one of its own, and proc_root does not show the node: see the check «host-proc»',
      "hostPID: true, or the host's /proc",
    );
  },
};

const hostProc: Check = {
  id: 'host-proc',
  title: 'Is /proc that of the node?',
  run(surroundings) {
    const { config, ownProc } = surroundings;
    const scope = describeScope(config.proc_root, ownProc);
    const count = pidsIn(config.proc_root).length;
    if (count === 0)
      return fail(`${config.proc_root} shows no process`, 'mount a procfs there, or set proc_root');
    // Every pid namespace has a process 1, and hidepid=2 takes it out of the list.
    if (!existsSync(`${config.proc_root}/1`))
      return fail(
        `${config.proc_root} hides processes from uid ${process.getuid?.()}: it shows ${count}, and process 1 is none of them`,
        'it is mounted with hidepid: run the agent as root or in the group of its gid= option, or mount it without',
      );
    if (scope === null) return ok(`${count} processes in ${config.proc_root}`);
    const fix = "hostPID: true, or mount the host's /proc at /host/proc and set proc_root: /host/proc";
    const text = `${scope} (${count} processes)`;
    if (isSidecar(surroundings)) return ok(`${text}, as it should be in a sidecar`);
    return polls(surroundings) ? warn(text, fix) : fail(text, fix);
  },
};

const hostSys: Check = {
  id: 'host-sys',
  title: 'Is /sys mounted?',
  run({ config, ownProc }) {
    const { sys_root } = config;
    const fix = "mount the host's /sys read-only and set sys_root; most containers have their own at /sys";
    const mount = mountOf(readOr(`${ownProc}/self/mountinfo`) ?? '', sys_root);
    if (mount === null) return skip(`what is mounted at ${sys_root} cannot be read`);
    if (mount.type !== 'sysfs') return fail(`there is no sysfs at ${sys_root}, but ${mount.type}`, fix);
    const writable = mount.options.includes('rw') ? 'writable for who may' : 'read-only';
    return ok(`sysfs at ${sys_root}, ${writable}`);
  },
};

interface Mount {
  readonly type: string;
  readonly options: readonly string[];
}

/** The mount that a path is on, by proc_pid_mountinfo(5); of several on one point the last. */
export function mountOf(mountinfo: string, path: string): Mount | null {
  let best: { point: string; mount: Mount } | null = null;
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    const fields = before!.split(' ');
    const point = fields[4];
    if (point === undefined || after === undefined) continue;
    const covers = point === '/' || path === point || path.startsWith(`${point}/`);
    if (!covers || (best !== null && point.length < best.point.length)) continue;
    best = { point, mount: { type: after.split(' ')[0]!, options: fields[5]!.split(',') } };
  }
  return best?.mount ?? null;
}

const cgroupNamespace: Check = {
  id: 'cgroup-namespace',
  title: 'Are cgroup paths seen as they are?',
  run({ config }) {
    if (!hasOwnCgroupNamespace(config.proc_root)) return ok('the cgroup namespace is the initial one');
    return ok(
      'a cgroup namespace of its own: /proc shows paths relative to it, the kernel programs tell them whole',
    );
  },
};

const cgroups: Check = {
  id: 'cgroups',
  title: 'Can the cgroup of every living process be read?',
  async run({ config }) {
    const read = createProcReader(config.proc_root, 'cgroup');
    const counts = { container: 0, pod: 0, unit: 0, host: 0, claimed: 0 };
    const roots = new CgroupRoots(config.kubernetes.cgroup_roots);
    const strange: string[] = [];
    let gone = 0;
    for await (const pid of eachPid(config.proc_root)) {
      const text = read(pid);
      if (text === null || text === '') {
        gone++;
        continue;
      }
      const { identity, byName } = readCgroupFile(text, roots);
      const { containerId, podUid, unit, claim } = identity;
      const isClaimed = byName || (claim !== undefined && podUid === null && containerId === null);
      if (isClaimed) counts.claimed++;
      else if (containerId !== null) counts.container++;
      else if (podUid !== null) counts.pod++;
      else if (unit !== null) counts.unit++;
      else counts.host++;
      // A name that has all of a pod's but is none: the parser does not know the runtime.
      if (!isClaimed && containerId === null && podUid === null && /kubepods|[0-9a-f]{64}/.test(text))
        strange.push(text.trim());
    }
    const figures = `${counts.container} in containers, ${counts.pod} in pods without container, ${counts.unit} in units, ${counts.host} elsewhere, ${gone} gone or unreadable${claimed(counts.claimed)}`;
    if (strange.length === 0) return ok(figures);
    return warn(
      `${figures}; not understood: ${strange.slice(0, 3).join(' | ')}`,
      'please report these paths: cognitod cgroup --json',
    );
  },
};

/** See docs/attribution.md. */
const claimed = (count: number) =>
  count === 0
    ? ''
    : `; ${count} with names that are only claimed: nodes that are containers, and a kubelet's own root, are told by kubernetes.cgroup_roots`;

export const PLACE_CHECKS: readonly Check[] = [hostPid, hostProc, hostSys, cgroupNamespace, cgroups];
