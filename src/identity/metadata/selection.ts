// Which labels and annotations of a pod are kept, and how much of them.

/** Exact names, or a prefix with `*` at its end; `*` alone is all. */
export type AllowList = readonly string[];

export interface SelectionOptions {
  /** Which labels and annotations of pods are kept; none without it. */
  readonly labels?: AllowList;
  readonly annotations?: AllowList;
}

/** Longer values are cut: an annotation may hold 256 KiB. In UTF-16 units. */
export const MAX_VALUE_LENGTH = 256;

/** The kubelet's own notes on the containers that it asks a runtime for. */
const KUBELET_PREFIX = 'io.kubernetes.';

/**
 * The allowed entries whose value is a text, in the order of their names: runtimes send maps in random order. Empty
 * for what is no object; never what the kubelet adds.
 */
export function selectEntries(entries: unknown, allowed: AllowList): Record<string, string> {
  const selected: Record<string, string> = {};
  if (allowed.length === 0 || typeof entries !== 'object' || entries === null) return selected;
  for (const [name, text] of Object.entries(entries).sort(byName)) {
    if (typeof text !== 'string' || name.startsWith(KUBELET_PREFIX)) continue;
    if (!allowed.some((pattern) => matches(pattern, name))) continue;
    // Plain assignment would lose a label that is called __proto__.
    Object.defineProperty(selected, name, { value: cut(text), enumerable: true });
  }
  return selected;
}

const byName = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0);

const matches = (pattern: string, name: string) =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

/** Never through the middle of a character. */
function cut(text: string): string {
  if (text.length <= MAX_VALUE_LENGTH) return text;
  const last = text.charCodeAt(MAX_VALUE_LENGTH - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? MAX_VALUE_LENGTH - 1 : MAX_VALUE_LENGTH);
}
