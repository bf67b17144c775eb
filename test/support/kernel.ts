// What the running kernel has, for tests that need it.
import { readFileSync } from 'node:fs';

let symbols: Set<string> | undefined;

/** Whether the kernel has a function of this name. */
export function kernelHas(name: string): boolean {
  symbols ??= new Set(
    readFileSync('/proc/kallsyms', 'utf8')
      .split('\n')
      .map((line) => line.split(/\s/)[2] ?? ''),
  );
  return symbols.has(name);
}
