// What a manifest for this node depends on, read from the node.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import type { Surroundings } from './check.ts';
import { readOr } from './proc.ts';
import { socketsOf } from './runtime.ts';

export interface RuntimeSocketFacts {
  /** On the node, without the host root. */
  readonly path: string;
  readonly gid: number;
  /** Whether its group may connect. */
  readonly groupMay: boolean;
}

export interface NodeFacts {
  readonly kernelRelease: string;
  readonly cgroups: 'v1' | 'v2' | 'hybrid' | null;
  /** The first of the runtime's sockets that is there. */
  readonly socket: RuntimeSocketFacts | null;
  /** The file that is configured; null where the kernel has its own, or none is known. */
  readonly btfFile: { readonly path: string; readonly forAll: boolean } | null;
  /** Value of the mount option of the host's /proc, e.g. `invisible`; null when it hides nothing. */
  readonly hidepid: string | null;
  readonly seccomp: boolean;
  /** Security modules, e.g. `lockdown,capability,apparmor`; null when they cannot be read. */
  readonly modules: readonly string[] | null;
  readonly selinuxEnforces: boolean;
  readonly lockdown: string | null;
  readonly paranoid: string | null;
  /** The kernel asks for CAP_BPF at each read of a map too. */
  readonly readsNeedBpf: boolean;
}

/** Reads files only: nothing is loaded or connected. */
export function factsOf(surroundings: Surroundings): NodeFacts {
  const { config, kernelRelease } = surroundings;
  const { proc_root, sys_root } = config;
  const sysctl = (name: string) => readOr(`${proc_root}/sys/kernel/${name}`)?.trim() ?? null;
  const security = (name: string) => readOr(`${sys_root}/kernel/security/${name}`)?.trim() ?? null;
  const mounts = readOr(`${proc_root}/1/mountinfo`) ?? readOr(`${proc_root}/self/mountinfo`) ?? '';
  return {
    kernelRelease,
    cgroups: cgroupsOf(mounts),
    socket: socketFacts(surroundings),
    btfFile: btfFile(surroundings),
    hidepid: hidepidOf(mounts),
    seccomp: sysctl('seccomp/actions_avail') !== null,
    modules: security('lsm')?.split(',') ?? null,
    selinuxEnforces: readOr(`${sys_root}/fs/selinux/enforce`)?.trim() === '1',
    lockdown: /\[(\w+)\]/.exec(security('lockdown') ?? '')?.[1] ?? null,
    paranoid: sysctl('perf_event_paranoid'),
    readsNeedBpf: isBefore(kernelRelease, 5, 19) && sysctl('unprivileged_bpf_disabled') !== '0',
  };
}

function socketFacts(surroundings: Surroundings): RuntimeSocketFacts | null {
  const root = surroundings.config.runtime.host_root ?? '';
  for (const { protocol, path } of socketsOf(surroundings)) {
    if (protocol !== 'cri' || !existsSync(path)) continue;
    const { gid, mode } = statSync(path);
    const onNode = root !== '' && path.startsWith(`${root}/`) ? path.slice(root.length) : path;
    return { path: onNode, gid, groupMay: (mode & constants.S_IWGRP) !== 0 };
  }
  return null;
}

function btfFile({ config }: Surroundings): NodeFacts['btfFile'] {
  const path = config.kernel.btf;
  if (path === null || existsSync(`${config.sys_root}/kernel/btf/vmlinux`)) return null;
  try {
    accessSync(path, constants.R_OK);
    return { path, forAll: (statSync(path).mode & constants.S_IROTH) !== 0 };
  } catch {
    return { path, forAll: false };
  }
}

/** Fields after the ` - ` of each line: proc_pid_mountinfo(5). */
const mountsOf = (mountinfo: string) =>
  mountinfo.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ');
    if (after === undefined) return [];
    const [type = '', , options = ''] = after.split(' ');
    return [{ point: before!.split(' ')[4] ?? '', type, options: options.split(',') }];
  });

function cgroupsOf(mountinfo: string): NodeFacts['cgroups'] {
  const types = new Set(mountsOf(mountinfo).map(({ type }) => type));
  if (types.has('cgroup')) return types.has('cgroup2') ? 'hybrid' : 'v1';
  return types.has('cgroup2') ? 'v2' : null;
}

function hidepidOf(mountinfo: string): string | null {
  const proc = mountsOf(mountinfo).findLast(({ point, type }) => type === 'proc' && point === '/proc');
  const value = proc?.options.find((option) => option.startsWith('hidepid='))?.slice('hidepid='.length);
  return value === undefined || value === '0' || value === 'off' ? null : value;
}

function isBefore(release: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  return a < major || (a === major && b < minor);
}
