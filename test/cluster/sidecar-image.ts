// The agent of this checkout as an image: Node, its libraries, the sources and the packages that they need.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
export const AGENT_IMAGE = 'localhost/cognitod:sidecar';
const ENTRYPOINT = [
  '/opt/cognitod/bin/node',
  '--disable-warning=ExperimentalWarning',
  '/opt/cognitod/src/main.ts',
];

/** Into the runtime of a cluster that test/cluster/up started. */
export function importAgentImage(criSocket: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-image-'));
  try {
    const rootfs = join(folder, 'rootfs');
    const home = join(rootfs, 'opt/cognitod');
    for (const path of ['bin', 'node_modules']) mkdirSync(join(home, path), { recursive: true });
    for (const path of ['proc', 'sys', 'dev', 'tmp', 'etc']) mkdirSync(join(rootfs, path));
    chmodSync(join(rootfs, 'tmp'), 0o1777);
    copyFileSync(realpathSync(process.execPath), join(home, 'bin/node'));
    for (const library of librariesOf(process.execPath)) addLibrary(rootfs, library);
    cpSync(join(ROOT, 'src'), join(home, 'src'), { recursive: true });
    copyFileSync(join(ROOT, 'package.json'), join(home, 'package.json'));
    for (const path of productionPackages())
      cpSync(join(ROOT, path), join(home, path), { recursive: true, dereference: false });
    const tar = join(folder, 'image.tar');
    execFileSync(join(import.meta.dirname, 'image'), [AGENT_IMAGE, tar, '--rootfs', rootfs, ...ENTRYPOINT]);
    execFileSync('ctr', ['-a', criSocket, '-n', 'k8s.io', 'image', 'import', tar], { stdio: 'ignore' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Of the lock file: without those of development, and without Node and Biome, which are optional ones. */
function productionPackages(): string[] {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev, optional }]) => {
      const isNative = path === `node_modules/@koromix/koffi-linux-${process.arch}`;
      return path !== '' && dev !== true && (optional !== true || isNative);
    })
    .map(([path]) => path);
}

/** Paths as the loader finds them. */
function librariesOf(program: string): string[] {
  const text = execFileSync('ldd', [realpathSync(program)], { encoding: 'utf8' });
  return [...text.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!);
}

function addLibrary(rootfs: string, library: string): void {
  const target = join(rootfs, library);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(realpathSync(library), target);
}
