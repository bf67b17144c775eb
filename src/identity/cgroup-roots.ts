// Directories below which names are believed as at the root of a hierarchy: nodes that are containers themselves (kind), and
// the `--cgroup-root` of a kubelet.

/** Matches paths that begin with one of the roots. Roots only come, so that what was believed stays so. */
export class CgroupRoots {
  readonly #patterns: RegExp[];
  readonly #seen = new Set<string>();

  /** Paths from the root of the hierarchy; a `*` stands for any part of one name. */
  constructor(patterns: readonly string[] = []) {
    this.#patterns = patterns.map((pattern) => patternOf(Buffer.from(pattern).toString('latin1')));
  }

  /** Adds a root that is just this path, raw text. False when it was one before. */
  add(path: string): boolean {
    if (path === '' || this.#seen.has(path)) return false;
    this.#seen.add(path);
    this.#patterns.push(new RegExp(`^${literal(path)}(?=/)`));
    return true;
  }

  /** The lengths of the roots that the path is below, the longest first, each once. */
  lengthsIn(path: string): number[] {
    const lengths = new Set<number>();
    for (const pattern of this.#patterns) {
      const length = pattern.exec(path)?.[0].length;
      if (length !== undefined) lengths.add(length);
    }
    return [...lengths].sort((a, b) => b - a);
  }
}

/** Anchored, and each star ends at the next slash. */
function patternOf(root: string): RegExp {
  const names = root.split('/').filter((name) => name !== '');
  const text = names.map((name) => name.split('*').map(literal).join('[^/]*')).join('/');
  return new RegExp(`^/${text}(?=/)`);
}

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
