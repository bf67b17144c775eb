// Which labels and annotations of a pod are kept: the kubelet's own never, others by an allow-list.

/** Exact names, or a prefix with `*` at its end; `*` alone is all. */
export type AllowList = readonly string[];

/** The allowed entries, in the order of their names: runtimes send maps in random order. */
export function selectEntries(
  entries: Readonly<Record<string, string>>,
  allowed: AllowList,
): Record<string, string> {
  const selected: Record<string, string> = {};
  if (allowed.length === 0) return selected;
  for (const name of Object.keys(entries).sort()) {
    if (!name.startsWith('io.kubernetes.') && allowed.some((pattern) => matches(pattern, name))) {
      // Plain assignment would lose a label that is called __proto__.
      Object.defineProperty(selected, name, { value: entries[name], enumerable: true });
    }
  }
  return selected;
}

const matches = (pattern: string, name: string) =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
