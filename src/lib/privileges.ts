// What a process may do, as the kernel says.
import { readdirSync, readFileSync } from 'node:fs';

/** By number: include/uapi/linux/capability.h. */
export const CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_DAC_READ_SEARCH',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETPCAP',
  'CAP_LINUX_IMMUTABLE',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_BROADCAST',
  'CAP_NET_ADMIN',
  'CAP_NET_RAW',
  'CAP_IPC_LOCK',
  'CAP_IPC_OWNER',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_SYS_CHROOT',
  'CAP_SYS_PTRACE',
  'CAP_SYS_PACCT',
  'CAP_SYS_ADMIN',
  'CAP_SYS_BOOT',
  'CAP_SYS_NICE',
  'CAP_SYS_RESOURCE',
  'CAP_SYS_TIME',
  'CAP_SYS_TTY_CONFIG',
  'CAP_MKNOD',
  'CAP_LEASE',
  'CAP_AUDIT_WRITE',
  'CAP_AUDIT_CONTROL',
  'CAP_SETFCAP',
  'CAP_MAC_OVERRIDE',
  'CAP_MAC_ADMIN',
  'CAP_SYSLOG',
  'CAP_WAKE_ALARM',
  'CAP_BLOCK_SUSPEND',
  'CAP_AUDIT_READ',
  'CAP_PERFMON',
  'CAP_BPF',
  'CAP_CHECKPOINT_RESTORE',
];

/** Of all threads together: a set holds what any thread has. */
export interface Privileges {
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly bounding: readonly string[];
  readonly ambient: readonly string[];
  /** Set in every thread: no exec gives more than there is. */
  readonly noNewPrivileges: boolean;
  /** The weakest of all threads. */
  readonly seccomp: 'disabled' | 'strict' | 'filter';
  /** The effective ids. */
  readonly uid: number;
  readonly gid: number;
  readonly threads: number;
}

const SECCOMP = ['disabled', 'strict', 'filter'] as const;

/** The names of the bits of a set as /proc writes it, in hexadecimal; a bit without a name is `CAP_<number>`. */
export function capabilityNames(hex: string): string[] {
  const bits = BigInt(`0x${hex}`);
  const names: string[] = [];
  for (let number = 0; number < 64; number++) {
    if (((bits >> BigInt(number)) & 1n) === 1n) names.push(CAPABILITIES[number] ?? `CAP_${number}`);
  }
  return names;
}

/**
 * Reads /proc/PID/task/TID/status of every thread (proc_pid_status(5)); threads that end meanwhile are left out.
 * Throws when the process is not there.
 */
export function readPrivileges(procRoot: string, pid: number | 'self'): Privileges {
  const sets = { CapEff: 0n, CapPrm: 0n, CapInh: 0n, CapBnd: 0n, CapAmb: 0n };
  let noNewPrivileges = true;
  let seccomp = 2;
  let uid = -1;
  let gid = -1;
  let threads = 0;
  const directory = `${procRoot}/${pid}/task`;
  for (const tid of readdirSync(directory)) {
    const status = readIfThere(`${directory}/${tid}/status`);
    if (status === null) continue;
    const field = (name: string) => new RegExp(`^${name}:\\s+(.+)$`, 'm').exec(status)?.[1];
    for (const name of Object.keys(sets) as (keyof typeof sets)[])
      sets[name] |= BigInt(`0x${field(name) ?? 0}`);
    noNewPrivileges &&= field('NoNewPrivs') === '1';
    seccomp = Math.min(seccomp, Number(field('Seccomp') ?? 0));
    uid = Number(field('Uid')?.split('\t')[1]);
    gid = Number(field('Gid')?.split('\t')[1]);
    threads++;
  }
  if (threads === 0) throw new Error(`${directory} shows no thread`);
  const names = (set: keyof typeof sets) => capabilityNames(sets[set].toString(16));
  return {
    effective: names('CapEff'),
    permitted: names('CapPrm'),
    inheritable: names('CapInh'),
    bounding: names('CapBnd'),
    ambient: names('CapAmb'),
    noNewPrivileges,
    seccomp: SECCOMP[seccomp] ?? 'disabled',
    uid,
    gid,
    threads,
  };
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
