// Reads files of /proc/PID: `cgroup`, the fallback for a cgroup whose record did not arrive, and `mountinfo`.
import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';

/** Of `cgroup` all that the kernel can print: about 15 lines of at most PATH_MAX; of `mountinfo` some hundred mounts. */
const MAX_BYTES = 64 * 1024;

/** The initial cgroup namespace has this inode number on every kernel (PROC_CGROUP_INIT_INO). */
const INITIAL_CGROUP_NS = 'cgroup:[4026531835]';

/**
 * Makes a reader of `<procRoot>/<pid>/<file>`. It answers null when the file cannot be read for whatever
 * reason (the process is gone, no permission, the pid is none), and never throws. The pid must be one of
 * the pid namespace that `procRoot` was mounted in. The text is raw, one character for each byte: names are any bytes.
 */
export function createProcReader(
  procRoot: string,
  file: 'cgroup' | 'mountinfo',
): (pid: number) => string | null {
  const buffer = Buffer.allocUnsafe(MAX_BYTES);
  return (pid) => {
    if (!Number.isSafeInteger(pid) || pid <= 0) return null;
    let fd = -1;
    try {
      fd = openSync(`${procRoot}/${pid}/${file}`, 'r');
      // The kernel hands out one page at a time.
      let used = 0;
      while (used < MAX_BYTES) {
        const count = readSync(fd, buffer, used, MAX_BYTES - used, null);
        if (count === 0) break;
        used += count;
      }
      const text = buffer.toString('latin1', 0, used);
      // A cut line could name another cgroup or mount than the whole one.
      return used < MAX_BYTES ? text : text.slice(0, text.lastIndexOf('\n') + 1);
    } catch {
      return null;
    } finally {
      if (fd >= 0) closeSync(fd);
    }
  };
}

/**
 * Whether this process is in a cgroup namespace of its own, so that /proc shows the cgroups of others
 * relative to its own, and its own as `/`. False when that cannot be told.
 */
export function hasOwnCgroupNamespace(procRoot: string): boolean {
  try {
    return readlinkSync(`${procRoot}/self/ns/cgroup`) !== INITIAL_CGROUP_NS;
  } catch {
    return false;
  }
}
