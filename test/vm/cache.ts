// Where kernels and root file systems are kept, outside the checkout, as what the cluster tests build is.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export const CACHE = process.env.VM_CACHE ?? '/var/cache/cognitod-vm';
export const ROOT = join(import.meta.dirname, '../..');

/** Makes a folder of the cache with `fill`, once: what was begun and not ended is made anew. */
export function kept(name: string, fill: (folder: string) => void): string {
  const folder = join(CACHE, name);
  const done = `${folder}.done`;
  if (existsSync(done)) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  fill(folder);
  mkdirSync(done);
  return folder;
}
