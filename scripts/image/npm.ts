// The npm packages of the lock file, for an architecture that need not be this machine's.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Arch } from './debian.ts';

const ROOT = join(import.meta.dirname, '../..');
export const NPM_ARCH = { amd64: 'x64', arm64: 'arm64' } as const;
const FILES = ['package.json', 'package-lock.json', '.npmrc'];

export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, as the package declares it. */
  readonly license: string;
  /** Of the package's tarball as the lock has it: `sha512-…`, base64. */
  readonly integrity: string;
  readonly directory: string;
}

/**
 * The node_modules for an architecture: the checkout's own where it is this machine's and as the lock says, otherwise
 * installed once into the cache directory (npm checks every tarball against the lock).
 */
export function npmModules(arch: Arch, cache: string): string {
  const lock = readFileSync(join(ROOT, 'package-lock.json'));
  const own = join(ROOT, 'node_modules');
  const stamp = join(own, '.cognitod-lock');
  if (process.arch === NPM_ARCH[arch] && existsSync(stamp) && lock.equals(readFileSync(stamp))) return own;
  const id = createHash('sha256').update(lock).digest('hex').slice(0, 16);
  const directory = join(cache, `npm-${arch}-${id}`);
  if (existsSync(directory)) return join(directory, 'node_modules');
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'npm-'));
  try {
    for (const file of FILES) copyFileSync(join(ROOT, file), join(work, file));
    const platform = ['--os=linux', `--cpu=${NPM_ARCH[arch]}`, '--libc=glibc'];
    execFileSync('npm', ['ci', '--omit=dev', '--prefer-offline', ...platform], { cwd: work, stdio: 'pipe' });
    renameSync(work, directory);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return join(directory, 'node_modules');
}

/** Facts on installed packages. Throws when one is not the locked one. */
export function npmPackages(modules: string, names: readonly string[]): NpmPackage[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  return names.map((name) => {
    const directory = join(modules, name);
    const own = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
      version: string;
      license?: string;
    };
    const entry = packages[`node_modules/${name}`];
    if (entry === undefined || entry.version !== own.version) {
      throw new Error(`${name} ${own.version} is not what package-lock.json has: run make setup`);
    }
    return {
      name,
      version: own.version,
      license: own.license ?? 'NOASSERTION',
      integrity: entry.integrity,
      directory,
    };
  });
}
