// Can guests be booted here?
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { isKept } from './cache.ts';

/** Why not; null when they can. */
export function cannotBoot(kernel: string): string | null {
  if (isGuest()) return 'this is a guest itself';
  if (process.arch !== 'x64') return 'the guests of the short form are for x86-64';
  if (spawnSync('qemu-system-x86_64', ['--version']).error !== undefined) return 'QEMU is not installed';
  if (!isKept(`kernels/${kernel}`))
    return `the kernel ${kernel} could not be fetched (scripts/setup vm-short)`;
  if (!isKept('root-bookworm-amd64'))
    return 'the root file system could not be built (scripts/setup vm-short)';
  return null;
}

/** Whether this machine was booted by boot.ts. */
export const isGuest = (): boolean =>
  existsSync('/proc/cmdline') && / vm\.init=/.test(readFileSync('/proc/cmdline', 'utf8'));
