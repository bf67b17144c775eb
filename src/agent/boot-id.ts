// Which boot of the machine this is.
import { readFileSync } from 'node:fs';
import { CognitodError } from '../lib/index.ts';

/** A uuid. Throws PROC_UNREADABLE. */
export function readBootId(procRoot: string): string {
  const file = `${procRoot}/sys/kernel/random/boot_id`;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new CognitodError('PROC_UNREADABLE', `the boot id cannot be read from ${file}`, {
      hint: 'proc_root must be a mounted procfs, e.g. /proc or /host/proc',
      cause,
    });
  }
}
