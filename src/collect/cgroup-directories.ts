// Names of cgroups by their ids, which are the inodes of their directories: where the kernel may not give names itself.
// Paths are raw text, one character for each byte.
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A walk through all directories is repeated after this time at the earliest. */
const WALK_PAUSE_MS = 1000;
/** Directories remembered per hierarchy. */
const MAX_KNOWN = 50_000;
/** The inode of a hierarchy's real root; in a cgroup namespace another directory is mounted. */
const ROOT_INODE = 1;

export interface CgroupMounts {
  readonly v2: string | null;
  /** Of the v1 hierarchy that runtimes use: memory. */
  readonly v1: string | null;
}

/** Where the real roots of the hierarchies are mounted, as far as this process sees them. */
export function findCgroupMounts(mounts: string): CgroupMounts {
  const found: { v1: string | null; v2: string | null } = { v1: null, v2: null };
  for (const line of readFileSync(mounts, 'utf8').split('\n')) {
    const [, path = '', type, options = ''] = line.split(' ');
    const key =
      type === 'cgroup2' ? 'v2' : type === 'cgroup' && options.split(',').includes('memory') ? 'v1' : null;
    if (key === null || found[key] !== null) continue;
    try {
      if (statSync(path).ino === ROOT_INODE) found[key] = path;
    } catch {
      // Not to be reached from here.
    }
  }
  return found;
}

export class CgroupDirectories {
  readonly #hierarchies: { readonly v1: Hierarchy | null; readonly v2: Hierarchy | null };

  constructor(mounts: CgroupMounts, nowMs: () => number) {
    const hierarchy = (root: string | null) => (root === null ? null : new Hierarchy(root, nowMs));
    this.#hierarchies = { v1: hierarchy(mounts.v1), v2: hierarchy(mounts.v2) };
  }

  /** The path from the root of the hierarchy; null when there is no such directory (any more). Hierarchy 0 is v2. */
  pathOf(hierarchyId: number, id: number, parentId: number): string | null {
    return this.#hierarchies[hierarchyId === 0 ? 'v2' : 'v1']?.pathOf(id, parentId) ?? null;
  }
}

class Hierarchy {
  readonly #root: string;
  readonly #nowMs: () => number;
  readonly #known = new Map<number, string>([[ROOT_INODE, '/']]);
  #walkedMs = Number.NEGATIVE_INFINITY;

  constructor(root: string, nowMs: () => number) {
    this.#root = root;
    this.#nowMs = nowMs;
  }

  pathOf(id: number, parentId: number): string | null {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const parent = this.#known.get(parentId);
    if (parent !== undefined) this.#list(parent);
    if (!this.#known.has(id) && this.#nowMs() - this.#walkedMs >= WALK_PAUSE_MS) {
      this.#walkedMs = this.#nowMs();
      this.#walk();
    }
    return this.#known.get(id) ?? null;
  }

  #walk(): void {
    this.#known.clear();
    this.#known.set(ROOT_INODE, '/');
    for (let level = ['/']; level.length > 0 && this.#known.size < MAX_KNOWN; )
      level = level.flatMap((path) => this.#list(path));
  }

  #directory(path: string): Buffer {
    return Buffer.concat([Buffer.from(this.#root), Buffer.from(path, 'latin1')]);
  }

  /** Remembers the directories in one, and returns their paths. */
  #list(path: string): string[] {
    let entries: Dirent[];
    try {
      entries = readdirSync(this.#directory(path), { withFileTypes: true, encoding: 'latin1' });
    } catch {
      return [];
    }
    if (this.#known.size >= MAX_KNOWN) return [];
    return entries.flatMap((entry) => {
      if (!entry.isDirectory()) return [];
      const child = join(path, entry.name);
      try {
        this.#known.set(statSync(this.#directory(child)).ino, child);
        return [child];
      } catch {
        return [];
      }
    });
  }
}
