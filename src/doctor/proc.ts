// Reads a procfs without holding anybody up: between some processes others get their turn.
import { readFileSync, readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

/** About a millisecond of reads. */
const AT_ONCE = 50;

/** Null for whatever reason it cannot be read. */
export function readOr(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** None where there is no procfs. */
export function pidsIn(procRoot: string): number[] {
  try {
    return readdirSync(procRoot)
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

export async function* eachPid(procRoot: string): AsyncGenerator<number> {
  for (const [index, pid] of pidsIn(procRoot).entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await setImmediate();
    yield pid;
  }
}

/** A line `Name:\tvalue` of a status file; null when there is none. */
export const fieldOf = (status: string, name: string): string | null =>
  new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1]?.trim() ?? null;
