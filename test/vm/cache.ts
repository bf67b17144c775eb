// Where kernels and root file systems are kept, outside the checkout, as what the cluster tests build is.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export const CACHE = process.env.VM_CACHE ?? '/var/cache/cognitod-vm';
export const ROOT = join(import.meta.dirname, '../..');

export const isKept = (name: string): boolean => existsSync(join(CACHE, `${name}.done`));

/** Makes a folder of the cache with `fill`, once: what was begun and not ended is made anew. */
export function kept(name: string, fill: (folder: string) => void): string {
  const folder = join(CACHE, name);
  if (isKept(name)) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  fill(folder);
  mkdirSync(`${folder}.done`);
  return folder;
}
