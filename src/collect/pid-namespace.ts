// Whose processes a procfs shows, seen from the pid namespace that the agent is in.
//
// Events have the pids of the initial namespace, so /proc must be that of the initial namespace too: in any other the same
// pid is another process. The kernel's task iterator lists only the namespace of whoever opens it (init_seq_pidns in
// kernel/bpf/task_iter.c).
import { readFileSync, readlinkSync } from 'node:fs';
import { CognitodError } from '../lib/errors.ts';

/** The initial pid namespace has this inode number on every kernel (PROC_PID_INIT_INO, include/linux/proc_ns.h). */
const INITIAL_PID_NS = 4026531836;

/** Inode number of the agent's own pid namespace; null when nothing tells it. */
export function ownPidNamespace(procRoot: string, ownProc = '/proc'): number | null {
  for (const root of [ownProc, procRoot]) {
    const number = /^pid:\[(\d+)\]$/.exec(readLink(`${root}/self/ns/pid`) ?? '')?.[1];
    if (number !== undefined) return Number(number);
  }
  return null;
}

/** False also where it cannot be told. */
export const isInInitialPidNamespace = (procRoot: string, ownProc = '/proc'): boolean =>
  ownPidNamespace(procRoot, ownProc) === INITIAL_PID_NS;

/**
 * Throws PROC_NOT_HOST unless `procRoot` shows the processes of the initial pid namespace. `ownPid` is the agent's pid
 * there; null where the kernel cannot be asked: then a second namespace around the agent's own is taken for the initial
 * one.
 */
export function checkHostProc(procRoot: string, ownPid: number | null): void {
  const shown = readLink(`${procRoot}/self`);
  const right = ownPid === null ? pidsOfSelf(procRoot) > 1 : shown === String(ownPid);
  if (right) return;
  const calls = shown === null ? 'does not show it' : `calls it ${shown}`;
  const here =
    ownPid === null
      ? 'the agent is in a pid namespace of its own'
      : `the agent is process ${ownPid} of the node`;
  throw new CognitodError(
    'PROC_NOT_HOST',
    `${procRoot} shows the processes of a container, not those of the node: ${here}, and ${procRoot} ${calls}`,
    {
      hint: "run the agent with hostPID: true, or mount the host's /proc read-only into it and set proc_root, e.g. /host/proc; where the node is a container itself (kind), the machine's own /proc must be mounted into it first",
    },
  );
}

/** What a procfs collector cannot see from here, in words; null when it sees all. */
export function describeScope(procRoot: string, ownProc = '/proc'): string | null {
  if (isInInitialPidNamespace(procRoot, ownProc) || pidsOfSelf(procRoot) !== 1) return null;
  return "only the processes of the agent's own container, or of the pod that shares its pid namespace with it, are visible";
}

/** In how many pid namespaces the agent has a pid, from that of `procRoot` inwards; 0 when it is not shown. */
function pidsOfSelf(procRoot: string): number {
  try {
    const line = /^NSpid:(.*)$/m.exec(readFileSync(`${procRoot}/self/status`, 'utf8'))?.[1] ?? '';
    return line.split(/\s+/).filter((pid) => pid !== '').length;
  } catch {
    return 0;
  }
}

function readLink(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
