// The kinds of events that are counted, as bpf/records.h lists them, for everything that has a row for each.
import { COUNTED_KINDS } from './generated/counted-kinds.ts';

export { COUNTED_KINDS };
export type CountedKind = (typeof COUNTED_KINDS)[number];

/** A value for each kind. */
export function byKind<T>(valueFor: (kind: CountedKind) => T): Record<CountedKind, T> {
  return Object.fromEntries(COUNTED_KINDS.map((kind) => [kind, valueFor(kind)])) as Record<CountedKind, T>;
}
