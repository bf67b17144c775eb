// Lays out the program as it is installed, in the image and by the Debian package: all but Node.
import { copyFileSync, globSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildDist, EXTERNAL_PACKAGES } from '../build-dist.ts';
import { type NpmPackage, npmPackages } from './npm.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Node's options as in ./cognitod: no debugger on SIGUSR1; fewer and smaller young objects, 5 MB less. */
export const NODE_FLAGS = [
  '--disable-warning=ExperimentalWarning',
  '--disable-sigusr1',
  '--max-semi-space-size=4',
];

export interface ProgramOptions {
  /** A node_modules with the packages for the architecture. */
  readonly modules: string;
  /** As Node calls it. */
  readonly arch: 'x64' | 'arm64';
  readonly version: string;
}

/**
 * Fills `home`: the bundle in dist/, what stays outside of it in node_modules/, package.json and our licence. Returns the
 * npm packages whose code is there, Node's among them, sorted.
 */
export async function layOutProgram(home: string, options: ProgramOptions): Promise<readonly NpmPackage[]> {
  const { modules, arch, version } = options;
  const bundled = await buildDist(join(home, 'dist'));
  const native = `@koromix/koffi-linux-${arch}`;
  for (const name of [...EXTERNAL_PACKAGES, native]) copyModule(modules, name, home);
  // For the version, and so that Node need not guess what kind of modules these are.
  const manifest = { name: 'cognitod', version, type: 'module', license: 'Apache-2.0' };
  writeFileSync(join(home, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  copyFileSync(join(ROOT, 'LICENSE'), join(home, 'LICENSE'));
  const loaded = [...new Set([...bundled.program, ...EXTERNAL_PACKAGES, native, `node-linux-${arch}`])];
  const web = bundled.web.filter((name) => !loaded.includes(name));
  return [...npmPackages(modules, loaded), ...npmPackages(join(ROOT, 'node_modules'), web)].sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
}

/** What a package needs at run time; neither sources, types nor documentation, nor the binary for another C library. */
function copyModule(modules: string, name: string, home: string): void {
  const from = join(modules, name);
  for (const file of globSync('**/*.{js,cjs,json,node}', { cwd: from })) {
    if (/^(browser|musl_[^/]+)\//.test(file)) continue;
    const to = join(home, 'node_modules', name, file);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(from, file), to);
  }
}
