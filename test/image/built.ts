// The image of this checkout, built for the tests; never twice in one process.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuiltImage, build } from '../../scripts/image/build.ts';
import { CACHE } from '../../scripts/image/cache.ts';
import { type Arch, fetchDebianPackages } from '../../scripts/image/debian.ts';
import type { Variant } from '../../scripts/image/rootfs.ts';

let output: string | undefined;
const built = new Map<string, Promise<BuiltImage>>();

/** This machine's. */
export const ARCH: Arch = process.arch === 'arm64' ? 'arm64' : 'amd64';

/** Why no image can be built here; false when one can. */
export function cannotBuildImage(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const [path, name] of [
    ['/usr/bin/buildah', 'buildah'],
    ['/usr/bin/llvm-strip-14', 'llvm-14'],
    ['/usr/sbin/setcap', 'libcap2-bin'],
    ['/usr/bin/readelf', 'binutils'],
  ] as const) {
    if (!existsSync(path)) return `${name} is not installed (scripts/setup image)`;
  }
  try {
    fetchDebianPackages(ARCH, CACHE, hasNewerOnly());
    return false;
  } catch (error) {
    return `Debian's packages cannot be had: ${(error as Error).message.split('\n')[0]}`;
  }
}

/** Debian keeps only the newest: when the locked versions are gone, these tests still say something with others. */
function hasNewerOnly(): boolean {
  try {
    fetchDebianPackages(ARCH, CACHE);
    return false;
  } catch {
    return true;
  }
}

/** The archives of this process. */
export function removeBuiltImages(): void {
  if (output !== undefined) rmSync(output, { recursive: true, force: true });
}

export function builtImage(variant: Variant, arch: Arch = ARCH): Promise<BuiltImage> {
  const key = `${variant} ${arch}`;
  const tag = variant === 'sidecar' ? 'sidecar' : 'test';
  output ??= mkdtempSync(join(tmpdir(), 'cognitod-image-'));
  const image = built.get(key) ?? build({ arch, variant, tag, output, newest: hasNewerOnly() });
  built.set(key, image);
  return image;
}
