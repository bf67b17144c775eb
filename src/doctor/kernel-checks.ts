// What kernel and privileges allow, agent or not.
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { checkLayout } from '../decode/index.ts';
import { loadPrograms, missingToLoad } from '../kernel/index.ts';
import { raisePermitted } from '../os/index.ts';
import { CognitodError, readPrivileges } from '../lib/index.ts';
import { type Check, fail, ok, POLLING, polls, skip, warn } from './check.ts';
import { readOr } from './proc.ts';

const MIN_KERNEL = [5, 8] as const;
const SMALL_RING_BYTES = 64 * 1024;

const kernel: Check = {
  id: 'kernel',
  title: 'Is the kernel new enough?',
  run(surroundings) {
    const { kernelRelease } = surroundings;
    if (polls(surroundings)) return ok(`Linux ${kernelRelease}; any will do for polling`);
    const [major = 0, minor = 0] = kernelRelease.split('.').map((part) => Number.parseInt(part, 10));
    const isNew = major > MIN_KERNEL[0] || (major === MIN_KERNEL[0] && minor >= MIN_KERNEL[1]);
    if (isNew) return ok(`Linux ${kernelRelease}`);
    return fail(
      `Linux ${kernelRelease} has no BPF ring buffer`,
      'Linux 5.8 or newer; or poll: collector: procfs',
    );
  },
};

/** Each with what is not there without it. */
const OPTIONS = [
  ['CONFIG_BPF_SYSCALL', 'fail', 'no BPF at all'],
  ['CONFIG_BPF_EVENTS', 'fail', 'no program can be attached to a tracepoint'],
  ['CONFIG_BPF_JIT', 'warn', 'programs are interpreted: slow'],
  ['CONFIG_CGROUPS', 'fail', 'no containers'],
  ['CONFIG_PSI', 'warn', 'nobody can tell who waits for CPU, memory and disk'],
] as const;

const kernelConfig: Check = {
  id: 'kernel-config',
  title: 'Was the kernel built with what is needed?',
  run(surroundings) {
    if (polls(surroundings)) return POLLING;
    const { config, boot, kernelRelease } = surroundings;
    const places = [`${config.proc_root}/config.gz`, `${boot}/config-${kernelRelease}`];
    const text = places.map(readConfig).find((content) => content !== null);
    if (text === undefined || text === null) return skip(`neither ${places.join(' nor ')} can be read`);
    const off = OPTIONS.filter(([name]) => !new RegExp(`^${name}=[ym]$`, 'm').test(text));
    if (off.length === 0) return ok(`${OPTIONS.map(([name]) => name).join(', ')} are on`);
    const reason = off.map(([name, , lost]) => `${name} is off: ${lost}`).join('; ');
    return off.some(([, severity]) => severity === 'fail')
      ? fail(reason, 'a kernel with these options; or poll: collector: procfs')
      : warn(reason, 'a kernel with these options');
  },
};

function readConfig(path: string): string | null {
  try {
    const file = readFileSync(path);
    return (path.endsWith('.gz') ? gunzipSync(file, { maxOutputLength: 8 * 1024 * 1024 }) : file).toString();
  } catch {
    return null;
  }
}

const btf: Check = {
  id: 'btf',
  title: 'Does the kernel describe its types?',
  run(surroundings) {
    if (polls(surroundings)) return POLLING;
    const { config } = surroundings;
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
  run(surroundings) {
    if (polls(surroundings)) return POLLING;
    const { config } = surroundings;
    const text = readOr(`${config.sys_root}/kernel/security/lockdown`);
    if (text === null)
      return skip('the kernel does not tell (no lockdown module, or securityfs is not mounted)');
    const mode = /\[(\w+)\]/.exec(text)?.[1] ?? 'unknown';
    if (mode !== 'confidentiality') return ok(`${mode}: tracepoint programs are allowed`);
    return warn(
      'confidentiality: BPF programs may not read kernel memory but by its types, so some facts are missing',
      'lockdown=integrity gives all; docs/limits.md says what is missing',
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
  run(surroundings) {
    const { agent, ownProc } = surroundings;
    if (polls(surroundings)) return POLLING;
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
  run(surroundings) {
    const { agent, config } = surroundings;
    if (polls(surroundings)) return POLLING;
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

export const KERNEL_CHECKS: readonly Check[] = [
  kernel,
  kernelConfig,
  btf,
  lockdown,
  security,
  capabilities,
  loading,
];
