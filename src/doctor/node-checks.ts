// What the node and this place on it allow, agent or not.
import { existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { connect } from 'node:net';
import { release } from 'node:os';
import { describeScope } from '../collect/index.ts';
import {
  createProcCgroupReader,
  hasOwnCgroupNamespace,
  parseCgroup,
  RUNTIME_SOCKETS,
} from '../identity/index.ts';
import { loadPrograms, missingToLoad, raisePermitted } from '../kernel/index.ts';
import { checkLayout } from '../decode/index.ts';
import { CognitodError, readPrivileges } from '../lib/index.ts';
import { type Check, fail, ok, skip, warn } from './check.ts';

const MIN_KERNEL = [5, 8] as const;
const SMALL_RING_BYTES = 64 * 1024;
const SOCKET_TIMEOUT_MS = 2_000;
const LOW_DISK_BYTES = 64 * 1024 * 1024;

const kernel: Check = {
  id: 'kernel',
  title: 'Is the kernel new enough?',
  run() {
    const version = release();
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const isNew = major > MIN_KERNEL[0] || (major === MIN_KERNEL[0] && minor >= MIN_KERNEL[1]);
    if (isNew) return ok(`Linux ${version}`);
    return fail(`Linux ${version} has no BPF ring buffer`, 'Linux 5.8 or newer; or poll: collector: procfs');
  },
};

const btf: Check = {
  id: 'btf',
  title: 'Does the kernel describe its types?',
  run({ config }) {
    const path = `${config.sys_root}/kernel/btf/vmlinux`;
    if (existsSync(path)) return ok(path);
    if (config.kernel.btf !== null) return ok(`from the file ${config.kernel.btf}`);
    return fail(
      `${path} is not there`,
      "mount the host's /sys and set sys_root, or give a BTF file of exactly this kernel as kernel.btf",
    );
  },
};

const lockdown: Check = {
  id: 'lockdown',
  title: 'Is the kernel locked down?',
  run({ config }) {
    const text = readOr(`${config.sys_root}/kernel/security/lockdown`);
    if (text === null)
      return skip('the kernel does not tell (no lockdown module, or securityfs is not mounted)');
    const mode = /\[(\w+)\]/.exec(text)?.[1] ?? 'unknown';
    if (mode !== 'confidentiality') return ok(`${mode}: tracepoint programs are allowed`);
    return fail(
      'confidentiality: BPF programs may not read kernel memory',
      'lockdown=integrity, or poll: collector: procfs',
    );
  },
};

const security: Check = {
  id: 'security-modules',
  title: 'What else may refuse?',
  run({ config, ownProc }) {
    const modules = readOr(`${config.sys_root}/kernel/security/lsm`)?.trim() ?? 'unknown';
    const label = readOr(`${ownProc}/self/attr/current`)?.replaceAll('\0', '').trim() || 'none';
    const { seccomp } = readPrivileges(ownProc, 'self');
    const paranoid = readOr(`${config.proc_root}/sys/kernel/perf_event_paranoid`)?.trim() ?? 'unknown';
    const unprivileged =
      readOr(`${config.proc_root}/sys/kernel/unprivileged_bpf_disabled`)?.trim() ?? 'unknown';
    return ok(
      `security modules ${modules}; label ${label}; seccomp ${seccomp}; perf_event_paranoid ${paranoid} and unprivileged_bpf_disabled ${unprivileged} (neither matters here)`,
    );
  },
};

const capabilities: Check = {
  id: 'capabilities',
  title: 'May programs be loaded from here?',
  run({ agent, ownProc }) {
    // An unprivileged doctor beside a running agent is as it should be.
    if (agent !== null) return skip('the agent runs: what it holds is asked of it');
    raisePermitted();
    const missing = missingToLoad();
    const { bounding } = readPrivileges(ownProc, 'self');
    if (missing.length === 0) return ok('CAP_BPF and CAP_PERFMON are there');
    const outOfReach = missing.filter((name) => !bounding.includes(name));
    const where =
      outOfReach.length > 0
        ? `${outOfReach.join(' and ')} not even in the bounding set: the container was not given it`
        : 'in the bounding set, but not permitted: a user that is not root needs file capabilities, and no_new_privs off';
    return fail(
      `${missing.join(' and ')} missing (${where})`,
      'securityContext.capabilities.add: [BPF, PERFMON]',
    );
  },
};

const loading: Check = {
  id: 'load',
  title: 'Does the kernel accept the programs?',
  run({ agent, config }) {
    if (agent !== null) return skip('the agent runs and has loaded its own');
    const hooks = existsSync(`${config.sys_root}/kernel/btf/vmlinux`) ? 'tp_btf' : 'raw_tp';
    raisePermitted();
    try {
      loadPrograms({
        hooks,
        ringBytes: SMALL_RING_BYTES,
        argvBytes: config.kernel.argv_bytes,
        btfPath: config.kernel.btf,
        checkTypes: checkLayout,
      }).close();
      return ok(`loaded, attached as ${hooks}, and taken off again`);
    } catch (error) {
      if (!(error instanceof CognitodError)) throw error;
      return fail(error.message, error.hint ?? 'see docs/limits.md');
    }
  },
};

const hostProc: Check = {
  id: 'host-proc',
  title: 'Is /proc that of the node?',
  run({ config }) {
    const scope = describeScope(config.proc_root);
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
    return config.collector === 'procfs'
      ? warn(`${scope} (${count} processes)`, `as it should be in a sidecar; elsewhere: ${fix}`)
      : fail(`${scope} (${count} processes)`, fix);
  },
};

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
  run({ config }) {
    const read = createProcCgroupReader(config.proc_root);
    const counts = { container: 0, pod: 0, unit: 0, host: 0 };
    const strange: string[] = [];
    let gone = 0;
    for (const pid of pidsIn(config.proc_root)) {
      const text = read(pid);
      if (text === null || text === '') {
        gone++;
        continue;
      }
      const { containerId, podUid, unit } = parseCgroup(text);
      if (containerId !== null) counts.container++;
      else if (podUid !== null) counts.pod++;
      else if (unit !== null) counts.unit++;
      else counts.host++;
      // A name that has all of a pod's but is none: the parser does not know the runtime.
      if (containerId === null && podUid === null && /kubepods|[0-9a-f]{64}/.test(text))
        strange.push(text.trim());
    }
    const figures = `${counts.container} in containers, ${counts.pod} in pods without container, ${counts.unit} in units, ${counts.host} elsewhere, ${gone} gone or unreadable`;
    if (strange.length === 0) return ok(figures);
    return warn(
      `${figures}; not understood: ${strange.slice(0, 3).join(' | ')}`,
      'please report these paths: cognitod cgroup --json',
    );
  },
};

const runtime: Check = {
  id: 'runtime',
  title: 'Can the container runtime be asked for names?',
  async run({ config }) {
    const root = config.runtime.host_root ?? '';
    const chosen = [config.runtime.cri, config.runtime.docker, config.runtime.podman];
    const named = chosen.filter((choice) => choice !== 'auto' && choice !== 'off');
    const paths = [...named, ...(chosen.includes('auto') ? RUNTIME_SOCKETS.map((path) => root + path) : [])];
    const there = paths.filter((path) => existsSync(path));
    if (there.length === 0)
      return warn(
        'no socket of a runtime is there',
        'names then come from the Kubernetes API alone, which tells them late; mount the socket, e.g. /run/containerd/containerd.sock',
      );
    const results = await Promise.all(there.map(async (path) => ({ path, error: await tryConnect(path) })));
    const good = results.filter(({ error }) => error === null).map(({ path }) => path);
    if (good.length > 0) return ok(`${good.join(', ')} accepts connections`);
    const reasons = results.map(({ path, error }) => `${path}: ${error}`).join('; ');
    return warn(
      reasons,
      'the agent needs the right to write to the socket: run it with its group, or as root',
    );
  },
};

const clock: Check = {
  id: 'clock',
  title: 'Can times be trusted?',
  run() {
    const year = new Date().getUTCFullYear();
    if (year < 2025)
      return fail(`the clock says ${new Date().toISOString()}`, 'set the clock: events carry it');
    return ok(new Date().toISOString());
  },
};

const disk: Check = {
  id: 'disk',
  title: 'Is there room for what is kept?',
  run({ config }) {
    const { directory } = config.evidence;
    if (directory === null) return ok('nothing is kept on disk (evidence.directory is not set)');
    if (!existsSync(directory))
      return warn(`${directory} is not there yet`, 'the agent makes it when it may');
    const { bavail, bsize } = statfsSync(directory);
    const free = bavail * bsize;
    const text = `${Math.floor(free / 1024 / 1024)} MiB free at ${directory}`;
    return free >= LOW_DISK_BYTES
      ? ok(text)
      : warn(text, 'make room: records that cannot be written are tried again');
  },
};

export const NODE_CHECKS: readonly Check[] = [
  kernel,
  btf,
  lockdown,
  security,
  capabilities,
  loading,
  hostProc,
  cgroupNamespace,
  cgroups,
  runtime,
  clock,
  disk,
];

function readOr(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function pidsIn(procRoot: string): number[] {
  try {
    return readdirSync(procRoot).map(Number).filter(Number.isSafeInteger);
  } catch {
    return [];
  }
}

/** Null when the socket accepts a connection; else why not. */
function tryConnect(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (error: string | null) => {
      socket.destroy();
      resolve(error);
    };
    socket.setTimeout(SOCKET_TIMEOUT_MS, () => end('no answer'));
    socket.on('connect', () => end(null));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
