// The files of a procfs: the one place that touches them, so that tests can let them vanish or be forbidden.
import { closeSync, openSync, readdirSync, readlinkSync, readSync, statSync } from 'node:fs';

/** The process is gone (or the kernel has no such file). */
export const GONE = -1;
/** The kernel refuses: hidepid, or an LSM. */
export const DENIED = -2;
/** Anything else, such as too many open files. */
export const FAILED = -3;

const LARGEST_BYTES = 64 * 1024;

/** The file that a process was started from, whatever its name says. */
export interface FileIdentity {
  readonly inode: number;
  /** As the kernel's dev_t (major << 20 | minor). */
  readonly device: number;
  /** It has no name in any directory. */
  readonly deleted: boolean;
}

export interface ProcFiles {
  /** What `read` gave last. */
  readonly bytes: Uint8Array;
  /** All names in the root. Throws when it cannot be listed. */
  names(): string[];
  /** Reads `<pid>/<file>` into `bytes`: how many, or GONE, DENIED or FAILED. */
  read(pid: number, file: string, maxBytes?: number): number;
  /** The target of the link `<pid>/<file>`; null when the process is gone or may not be traced. */
  link(pid: number, file: string): Uint8Array | null;
  /** Null when the process is gone or may not be traced. */
  executableFile(pid: number): FileIdentity | null;
}

/** The files of a mounted procfs. */
export class MountedProcFiles implements ProcFiles {
  readonly bytes = new Uint8Array(Buffer.alloc(LARGEST_BYTES).buffer);
  /** Why `read` gave FAILED last. */
  failure = '';
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  names(): string[] {
    return readdirSync(this.#root);
  }

  read(pid: number, file: string, maxBytes = LARGEST_BYTES): number {
    let fd: number;
    try {
      fd = openSync(`${this.#root}/${pid}/${file}`, 'r');
    } catch (error) {
      return this.#outcomeOf(error);
    }
    try {
      let used = 0;
      while (used < maxBytes) {
        const count = readSync(fd, this.bytes, used, maxBytes - used, null);
        used += count;
        // `stat` always fits into one read, and this is the file that is read again and again.
        if (count === 0 || file === 'stat') break;
      }
      return used;
    } catch (error) {
      return this.#outcomeOf(error);
    } finally {
      closeSync(fd);
    }
  }

  link(pid: number, file: string): Uint8Array | null {
    try {
      return readlinkSync(`${this.#root}/${pid}/${file}`, { encoding: 'buffer' });
    } catch {
      return null;
    }
  }

  executableFile(pid: number): FileIdentity | null {
    try {
      const { ino, dev, nlink } = statSync(`${this.#root}/${pid}/exe`, { bigint: true });
      const encoded = Number(dev);
      // stat(2) gives the device in glibc's encoding, makedev(3).
      const major = (encoded >> 8) & 0xfff;
      const minor = (encoded & 0xff) | ((encoded >> 12) & 0xfff00);
      return { inode: Number(ino), device: (major << 20) | minor, deleted: nlink === 0n };
    } catch {
      return null;
    }
  }

  #outcomeOf(error: unknown): number {
    switch ((error as NodeJS.ErrnoException).code) {
      case 'ENOENT':
      case 'ESRCH':
        return GONE;
      case 'EACCES':
      case 'EPERM':
        return DENIED;
      default:
        this.failure = (error as Error).message;
        return FAILED;
    }
  }
}

export function pidsOf(names: readonly string[]): number[] {
  const pids: number[] = [];
  for (const name of names) {
    const first = name.charCodeAt(0);
    if (first < 0x31 || first > 0x39) continue;
    const pid = Number(name);
    if (Number.isSafeInteger(pid)) pids.push(pid);
  }
  return pids;
}
