// Cgroups for tests: the directories that a container runtime would make, without a runtime.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where hierarchies are mounted, from /proc/self/mounts. Undefined where there is none. */
export function findHierarchy(kind: 'v2' | 'memory' | 'cpu' | 'pids'): string | undefined {
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    const [, path, type, options] = line.split(' ');
    if (kind === 'v2' ? type === 'cgroup2' : type === 'cgroup' && options!.split(',').includes(kind))
      return path;
  }
  return undefined;
}

export interface TestCgroup {
  /** To be written to, to move a process in. */
  readonly procsFile: string;
  /** Removes the directories that were made, deepest first. */
  remove(): Promise<void>;
}

/** Makes a path below the root of a hierarchy. */
export function makeCgroup(root: string, path: string): TestCgroup {
  const full = join(root, path);
  const first = mkdirSync(full, { recursive: true });
  return {
    procsFile: join(full, 'cgroup.procs'),
    async remove() {
      if (first === undefined) return;
      for (let directory = full; directory.length >= first.length; directory = dirname(directory)) {
        // A parent in which somebody else has made a cgroup meanwhile is theirs to remove.
        if (directory !== full && hasCgroups(directory)) return;
        await removeCgroup(directory);
      }
    },
  };
}

const hasCgroups = (directory: string) =>
  existsSync(directory) &&
  readdirSync(directory, { withFileTypes: true }).some((entry) => entry.isDirectory());

/** The kernel lets a cgroup go only some moments after its last process. */
async function removeCgroup(directory: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || (code === 'EBUSY' && hasCgroups(directory))) return;
      if (attempt === 100 || code !== 'EBUSY') throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
