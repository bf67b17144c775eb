// What a process may do, as the kernel says.
import { readdirSync, readFileSync } from 'node:fs';
import { capabilityNames } from './capabilities.ts';

export { CAPABILITIES, capabilityNames } from './capabilities.ts';

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
