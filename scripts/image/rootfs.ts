// Lays out the root of an image: Node, the bundle, and exactly the libraries that they need.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  type Arch,
  BPF_PACKAGES,
  CONFINEMENT_PACKAGES,
  controlText,
  type DebianPackage,
  fetchDebianPackages,
  NODE_PACKAGES,
  unpackDebianPackage,
} from './debian.ts';
import { ELF_MACHINE, isElf, readElf } from './elf.ts';
import { licensesText } from './licenses.ts';
import { NPM_ARCH, npmModules } from './npm.ts';
import { layOutProgram } from './program.ts';
import { sbomText } from './sbom.ts';

export type Variant = 'agent' | 'sidecar';

const APP = 'opt/cognitod';
const TRIPLET = { amd64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as const;
/** Where the ABI wants the loader, in a merged /usr. */
const LOADER = { amd64: 'usr/lib64/ld-linux-x86-64.so.2', arm64: 'usr/lib/ld-linux-aarch64.so.1' } as const;
/** Loaded by name at run time. */
const LOADED = { agent: ['libbpf.so.1', 'libseccomp.so.2'], sidecar: ['libseccomp.so.2'] } as const;
/** Mount points: with a read-only root nobody can make them later. */
const DIRECTORIES = [
  'dev',
  'proc',
  'sys',
  'run',
  'host/proc',
  'host/sys',
  'etc/cognitod',
  'var/lib/cognitod',
];

export const USER = 65532;

export interface RootOptions {
  readonly arch: Arch;
  readonly variant: Variant;
  readonly version: string;
  /** Seconds since 1970, of the sources. */
  readonly epoch: number;
  readonly cache: string;
  /** Take what Debian has now instead of the locked versions. */
  readonly newest: boolean;
}

/** Fills an empty directory. Returns the bill of materials, which is in the image too. */
export async function layOutRoot(root: string, options: RootOptions): Promise<string> {
  const { arch, variant } = options;
  const fetched = fetchDebianPackages(arch, options.cache, options.newest);
  const modules = npmModules(arch, options.cache);
  const unpacked = mkdtempSync(join(options.cache, 'unpacked-'));
  try {
    for (const { file } of fetched) unpackDebianPackage(file, unpacked);
    for (const path of DIRECTORIES) mkdirSync(join(root, path), { recursive: true });
    mkdirSync(join(root, 'tmp'));
    const home = join(root, APP);
    const { version } = options;
    const npm = await layOutProgram(home, { modules, arch: NPM_ARCH[arch], version });
    if (variant === 'sidecar') rmSync(join(home, 'dist/kernel'), { recursive: true });
    copyNode(join(modules, `node-linux-${NPM_ARCH[arch]}`, 'bin/node'), join(home, 'bin/node'));
    symlinkSync('../dist/main.js', join(home, 'bin/cognitod'));

    const names = new Set([
      ...NODE_PACKAGES,
      ...CONFINEMENT_PACKAGES,
      ...(variant === 'agent' ? BPF_PACKAGES : []),
    ]);
    const debian = fetched.filter(({ name }) => names.has(name));
    copyLibraries(root, unpacked, arch, LOADED[variant]);
    writeSystemFiles(root, unpacked, debian);

    const licenses = debian.map(({ name, version }) => ({ name, version, directory: unpacked }));
    const common = join(unpacked, 'usr/share/common-licenses');
    writeFileSync(join(home, 'THIRD-PARTY-LICENSES.txt'), licensesText(npm, licenses, common));
    const name = variant === 'agent' ? 'cognitod' : 'cognitod-sidecar';
    const sbom = sbomText({ name, version, arch, epoch: options.epoch, npm, debian });
    writeFileSync(join(home, 'sbom.cdx.json'), sbom);
    setModes(root);
    checkRoot(root, arch);
    return sbom;
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
  }
}

/**
 * Without its table of local symbols, as distributions ship binaries: 33 MB less. What addons link to (.dynsym) and the
 * build id stay.
 */
function copyNode(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  execFileSync('llvm-strip-14', ['--strip-all', '-o', to, from]);
}

/** Libraries by their sonames in one directory, the loader where the ABI wants it; merged /usr as in Debian. */
function copyLibraries(root: string, unpacked: string, arch: Arch, loaded: readonly string[]): void {
  const directory = join(root, 'usr/lib', TRIPLET[arch]);
  mkdirSync(directory, { recursive: true });
  mkdirSync(dirname(join(root, LOADER[arch])), { recursive: true });
  symlinkSync('usr/lib', join(root, 'lib'));
  if (LOADER[arch].startsWith('usr/lib64')) symlinkSync('usr/lib64', join(root, 'lib64'));
  const find = (soname: string) => {
    const places = ['lib', 'usr/lib'].map((prefix) => join(unpacked, prefix, TRIPLET[arch], soname));
    const found = places.find((path) => existsSync(path));
    if (found === undefined) throw new Error(`${soname} is in none of the packages`);
    return realpathSync(found);
  };
  const wanted = [...loaded, ...elfFiles(root).flatMap((file) => readElf(file).needed)];
  const loader = basename(LOADER[arch]);
  copyFileSync(find(loader), join(root, LOADER[arch]));
  const done = new Set([loader]);
  for (const soname of wanted) {
    if (done.has(soname)) continue;
    done.add(soname);
    const file = find(soname);
    copyFileSync(file, join(directory, soname));
    wanted.push(...readElf(file).needed);
  }
}

function writeSystemFiles(root: string, unpacked: string, debian: readonly DebianPackage[]): void {
  writeFileSync(
    join(root, 'etc/passwd'),
    `root:x:0:0:root:/:/sbin/nologin\ncognitod:x:${USER}:${USER}:cognitod:/:/sbin/nologin\n`,
  );
  writeFileSync(join(root, 'etc/group'), `root:x:0:\ncognitod:x:${USER}:\n`);
  writeFileSync(join(root, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n');
  copyFileSync(join(unpacked, 'usr/lib/os-release'), join(root, 'usr/lib/os-release'));
  symlinkSync('../usr/lib/os-release', join(root, 'etc/os-release'));
  // Where scanners look for packages in images without dpkg.
  const status = join(root, 'var/lib/dpkg/status.d');
  mkdirSync(status, { recursive: true });
  for (const { name, file } of debian) writeFileSync(join(status, name), controlText(file));
}

/** The same modes whatever the umask and the packages say. */
function setModes(root: string): void {
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) chmodSync(path, 0o755);
    else if (entry.isFile()) chmodSync(path, isProgram(path) ? 0o755 : 0o644);
  }
  chmodSync(root, 0o755);
  chmodSync(join(root, 'tmp'), 0o1777);
  chmodSync(join(root, 'var/lib/cognitod'), 0o1777);
}

const isProgram = (path: string) =>
  path.endsWith(`${APP}/dist/main.js`) || path.endsWith(`${APP}/bin/node`) || /\/ld-linux-[^/]+$/.test(path);

/** Programs and libraries; kernel objects are ELF too, for another machine. */
function elfFiles(root: string): string[] {
  return globSync(['opt/**', 'usr/**'], { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.bpf.o'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(isElf)
    .sort();
}

/** Throws unless every binary is of the architecture and finds each library and its loader inside the root. */
export function checkRoot(root: string, arch: Arch): void {
  const libraries = join(root, 'usr/lib', TRIPLET[arch]);
  const wrong: string[] = [];
  for (const file of elfFiles(root)) {
    const { machine, needed, interpreter } = readElf(file);
    const name = file.slice(root.length);
    if (machine !== ELF_MACHINE[arch]) wrong.push(`${name} is for ${machine}`);
    for (const soname of needed) {
      const present = existsSync(join(libraries, soname)) || soname === basename(LOADER[arch]);
      if (!present) wrong.push(`${name} needs ${soname}`);
    }
    if (interpreter !== null && !existsSync(join(root, interpreter)))
      wrong.push(`${name} needs ${interpreter}`);
  }
  if (wrong.length > 0) throw new Error(`the image's root is wrong:\n${wrong.join('\n')}`);
}
