// What was found, in the repository: a machine that starts with nothing still knows what others have tried.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from './cells/report.ts';

const FILE = join(import.meta.dirname, 'found.jsonl');

/** A finding, and of what. */
export interface Found extends Finding {
  readonly guest: string;
  readonly cell: string;
  /** Hash of the sources that it was found for. */
  readonly state: string;
  /** Of the kernel, as `uname -r` has it. */
  readonly version: string;
  readonly when: string;
  readonly seconds: number;
}

/** A finding as it is kept: its figures stay in build/vm. */
export type Kept = Omit<Found, 'figures'>;

/** Adds what was found since; of each guest and cell the latest stays. All that is known comes back. */
export function recordFound(found: readonly Found[]): Kept[] {
  const lines = existsSync(FILE) ? readFileSync(FILE, 'utf8').trimEnd().split('\n') : [];
  const kept = lines.map((line) => JSON.parse(line) as Kept);
  const latest = new Map<string, Kept>();
  for (const { guest, cell, state, version, when, seconds, ok, text } of [...kept, ...found]) {
    const key = `${guest}/${cell}`;
    if ((latest.get(key)?.when ?? '') <= when)
      latest.set(key, { guest, cell, state, version, when, seconds, ok, text });
  }
  const all = [...latest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  writeFileSync(FILE, all.map((one) => `${JSON.stringify(one)}\n`).join(''));
  return all;
}
