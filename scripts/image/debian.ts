// Debian's packages for an architecture that need not be this machine's: fetched by apt with lists of its own, by lock.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

export type Arch = 'amd64' | 'arm64';

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** Of the .deb file, hex. */
  readonly sha256: string;
  /** Path of the .deb file. */
  readonly file: string;
}

type Lock = Record<Arch, Record<string, { version: string; sha256: string }>>;

const LOCK = join(import.meta.dirname, '../../deploy/image/debian.lock.json');

/** What the pinned Node needs. */
export const NODE_PACKAGES = ['libatomic1', 'libc6', 'libgcc-s1', 'libstdc++6'];
/** What libbpf needs, itself included. */
export const BPF_PACKAGES = ['libbpf1', 'libelf1', 'zlib1g'];
/** What the agent confines itself with. */
export const CONFINEMENT_PACKAGES = ['libseccomp2'];
/** Of these only licences and the name of the distribution are taken: gcc-12-base has those of GCC's libraries. */
export const TEXT_PACKAGES = ['base-files', 'gcc-12-base'];
const ALL = [...NODE_PACKAGES, ...CONFINEMENT_PACKAGES, ...BPF_PACKAGES, ...TEXT_PACKAGES].sort();

/**
 * Gives the packages, from the cache directory where they are there already. By default in the locked versions: throws
 * when the archive has others. `newest` takes what the archive has and does not look at the lock.
 */
export function fetchDebianPackages(arch: Arch, cache: string, newest = false): DebianPackage[] {
  const lock = newest ? undefined : readLock()[arch];
  const directory = join(cache, newest ? `debian-${arch}-newest` : `debian-${arch}`);
  const cached = readCache(directory);
  if (lock === undefined ? cached.length === ALL.length : matches(cached, lock)) return cached;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, 'apt-'));
  try {
    download(
      work,
      arch,
      ALL.map((name) => (lock === undefined ? name : `${name}=${locked(lock, name).version}`)),
    );
    const found = readCache(work);
    if (lock !== undefined && !matches(found, lock)) {
      throw new Error(`the archive's packages for ${arch} are not those of deploy/image/debian.lock.json`);
    }
    rmSync(directory, { recursive: true, force: true });
    renameSync(work, directory);
    return readCache(directory);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Writes the lock anew with what the archive has now. */
export function updateDebianLock(cache: string): void {
  const entries = (['amd64', 'arm64'] as const).map((arch) => {
    rmSync(join(cache, `debian-${arch}-newest`), { recursive: true, force: true });
    const packages = fetchDebianPackages(arch, cache, true);
    return [
      arch,
      Object.fromEntries(packages.map(({ name, version, sha256 }) => [name, { version, sha256 }])),
    ];
  });
  writeFileSync(LOCK, `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`);
}

/** A field of a package's control file, e.g. `Version`. */
export function controlField(file: string, field: string): string {
  return execFileSync('dpkg-deb', ['--field', file, field], { encoding: 'utf8' }).trim();
}

/** The whole control file, as scanners of images look for it below /var/lib/dpkg/status.d. */
export function controlText(file: string): string {
  return execFileSync('dpkg-deb', ['--field', file], { encoding: 'utf8' });
}

export function unpackDebianPackage(file: string, directory: string): void {
  execFileSync('dpkg-deb', ['--extract', file, directory]);
}

function readLock(): Lock {
  return JSON.parse(readFileSync(LOCK, 'utf8')) as Lock;
}

function locked(lock: Lock[Arch], name: string): { version: string; sha256: string } {
  const entry = lock[name];
  if (entry === undefined) throw new Error(`${name} is not in deploy/image/debian.lock.json`);
  return entry;
}

function matches(packages: DebianPackage[], lock: Lock[Arch]): boolean {
  const found = new Map(packages.map((one) => [one.name, one]));
  return ALL.every((name) => found.get(name)?.sha256 === locked(lock, name).sha256);
}

function readCache(directory: string): DebianPackage[] {
  if (!existsSync(directory)) return [];
  const files = readdirSync(directory).filter((name) => name.endsWith('.deb'));
  return files.sort().map((name) => {
    const file = join(directory, name);
    return {
      name: controlField(file, 'Package'),
      version: controlField(file, 'Version'),
      sha256: createHash('sha256').update(readFileSync(file)).digest('hex'),
      file,
    };
  });
}

/** The machine's sources and keys, but lists, cache and architecture of its own: nothing of the machine is changed. */
function download(directory: string, arch: Arch, packages: string[]): void {
  const state = join(directory, 'apt');
  for (const name of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(state, name), { recursive: true });
  writeFileSync(join(state, 'status'), '');
  const options = [
    `Dir::State=${state}`,
    `Dir::State::lists=${state}/lists`,
    `Dir::State::status=${state}/status`,
    `Dir::Cache=${state}/cache`,
    `APT::Architecture=${arch}`,
    `APT::Architectures::=${arch}`,
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
    'Acquire::Retries=3',
  ].flatMap((option) => ['-o', option]);
  const run = (...args: string[]) => {
    try {
      execFileSync('apt-get', [...options, ...args], { cwd: directory, stdio: 'pipe', timeout: 300_000 });
    } catch (error) {
      const { stderr } = error as { stderr?: Buffer };
      throw new Error(
        `apt-get ${args[0]} for ${arch}: ${stderr?.toString().trim() ?? ''}\n` +
          'when the archive has newer versions: make image ARGS=--update-packages, and commit the lock',
        { cause: error },
      );
    }
  };
  run('update');
  run('download', ...packages);
  rmSync(state, { recursive: true });
}
