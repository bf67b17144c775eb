// Says whether a procfs is mounted so that it hides processes (hidepid=, proc(5)).
import { readFileSync, realpathSync } from 'node:fs';

/** In words, for the status; null when nothing is hidden or it cannot be told. */
export function describeHiding(procRoot: string): string | null {
  try {
    const mountinfo = readFileSync(`${procRoot}/self/mountinfo`, 'utf8');
    return findHiding(mountinfo, realpathSync(procRoot));
  } catch {
    return null;
  }
}

/** `mountinfo` as in proc_pid_mountinfo(5): `id parent dev root point options [tags] - type source superoptions`. */
export function findHiding(mountinfo: string, procRoot: string): string | null {
  let found: string | null = null;
  for (const line of mountinfo.split('\n')) {
    const [mount = '', filesystem = ''] = line.split(' - ');
    const point = mount
      .split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
    const [type, , options = ''] = filesystem.split(' ');
    // The last mount at a place covers those before.
    if (point === procRoot && type === 'proc') found = /(?:^|,)hidepid=(\w+)/.exec(options)?.[1] ?? null;
  }
  return found === null ? null : (MEANINGS[found] ?? null);
}

const INVISIBLE = 'processes that this agent may not trace are not listed';
const UNREADABLE = 'processes that this agent may not trace are listed but not readable';
/** Linux 5.8 gave the numbers names. */
const MEANINGS: Readonly<Record<string, string>> = {
  '1': `hidepid=1: ${UNREADABLE}`,
  noaccess: `hidepid=noaccess: ${UNREADABLE}`,
  '2': `hidepid=2: ${INVISIBLE}`,
  invisible: `hidepid=invisible: ${INVISIBLE}`,
  '4': `hidepid=4: ${INVISIBLE}`,
  ptraceable: `hidepid=ptraceable: ${INVISIBLE}`,
};
