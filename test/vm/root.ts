// The guests' root file systems, and the disk with the project's npm packages.
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mirrors } from './apt.ts';
import { CACHE, kept, ROOT } from './cache.ts';
import { type Arch, HOST_ARCH } from './guests.ts';
import { run } from './run-command.ts';

/** What the README asks for, what the kernel tests use, and real container runtimes for the systemd cell. */
const PACKAGES = [
  ...[
    'systemd',
    'systemd-sysv',
    'dbus',
    'udev',
    'libpam-systemd',
    'kmod',
    'procps',
    'iproute2',
    'util-linux',
  ],
  ...['libbpf1', 'gcc', 'libc6-dev', 'busybox-static', 'make', 'ca-certificates', 'libcap2-bin', 'strace'],
  ...['tmux', 'openssl', 'curl', 'jq', 'bpftool'],
];
/** Only where a whole system is tried. */
const RUNTIMES = ['containerd', 'runc', 'crun', 'podman', 'nodejs', 'npm'];

/** `newcomer`: Debian 12 with what the README names and what boots it, no more. */
export type RootKind = 'bookworm' | 'trixie' | 'newcomer';

/** An ext4 image of a Debian with systemd. Kept. */
export function rootImage(suite: RootKind, arch: Arch): string {
  const own = arch === HOST_ARCH;
  const folder = kept(`root-${suite}-${arch}`, (into) => {
    const root = join(into, 'rootfs');
    if (suite === 'newcomer') newcomer(root);
    else if (own) bootstrap(suite, root);
    else extract(suite, arch, root);
    for (const directory of ['opt/cognitod', 'job', 'usr/lib/modules'])
      mkdirSync(join(root, directory), { recursive: true });
    makeImage(root, join(into, 'root.img'), 3500);
    rmSync(root, { recursive: true, force: true });
  });
  return join(folder, 'root.img');
}

function bootstrap(suite: RootKind, root: string): void {
  run('debootstrap', [
    '--variant=minbase',
    `--include=${PACKAGES.join(',')}`,
    suite,
    root,
    mirrors().archive,
  ]);
  // Nothing is started here.
  const policy = join(root, 'usr/sbin/policy-rc.d');
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  run('chroot', [root, 'apt-get', 'install', '-y', '--no-install-recommends', ...RUNTIMES]);
  run('chroot', [root, 'passwd', '-d', 'root']);
  const masked = [
    'containerd.service',
    'systemd-networkd-wait-online.service',
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
  ];
  run('chroot', [root, 'systemctl', 'mask', ...masked]);
  rmSync(policy);
  for (const folder of ['var/cache/apt/archives', 'var/lib/apt/lists'])
    rmSync(join(root, folder), { recursive: true, force: true });
  for (const folder of ['var/cache/apt/archives/partial', 'var/lib/apt/lists/partial'])
    mkdirSync(join(root, folder), { recursive: true });
}

/** Node, since Debian 12's is too old, is the one of this machine, with its npm. */
function newcomer(root: string): void {
  const packages = ['make', 'gcc', 'libc6-dev', 'ca-certificates', 'kmod', 'busybox', 'procps', 'libstdc++6'];
  run('debootstrap', [
    '--variant=minbase',
    `--include=${packages.join(',')}`,
    'bookworm',
    root,
    mirrors().archive,
  ]);
  const npm = run('sh', ['-c', 'dirname "$(dirname "$(readlink -f "$(command -v npm)")")"']).trim();
  const node = run('sh', ['-c', 'readlink -f "$(command -v node)"']).trim();
  cpSync(node, join(root, 'usr/local/bin/node'));
  cpSync(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
}

/** What a bootstrap brings by itself. */
const ESSENTIAL = [
  ...['base-files', 'bash', 'coreutils', 'dash', 'debianutils', 'diffutils', 'findutils', 'grep', 'gzip'],
  ...['hostname', 'libc-bin', 'mount', 'sed', 'tar'],
];

/** Of another architecture: unpacked, with no script of any package run, which is enough without systemd. */
function extract(suite: RootKind, arch: Arch, root: string): void {
  const packages = [
    ...ESSENTIAL,
    ...PACKAGES.filter((name) => !['udev', 'libpam-systemd', 'dbus'].includes(name)),
  ];
  const options = ['--variant=extract', `--architectures=${arch}`, `--include=${packages.join(',')}`];
  run('mmdebstrap', [...options, suite, root, mirrors().archive]);
  // Which the script of a package would make.
  const shell = join(root, 'bin/sh');
  if (!existsSync(shell)) symlinkSync('dash', shell);
}

/**
 * A disk that is mounted at node_modules: made anew when the lock file changes. What only builds and lints is left out.
 */
export function packagesImage(arch: Arch): string {
  const lock = readFileSync(join(ROOT, 'package-lock.json'));
  const name = `packages-${arch}-${createHash('sha256').update(lock).digest('hex').slice(0, 12)}`;
  const folder = kept(name, (into) => {
    const work = mkdtempSync(join(tmpdir(), 'cognitod-packages-'));
    try {
      for (const old of readdirSync(CACHE))
        if (old.startsWith(`packages-${arch}-`) && !old.startsWith(name))
          rmSync(join(CACHE, old), { recursive: true, force: true });
      const modules = arch === HOST_ARCH ? join(ROOT, 'node_modules') : foreignModules(work, arch);
      const target = join(work, 'image');
      cpSync(modules, target, {
        recursive: true,
        verbatimSymlinks: true,
        filter: (path) => !UNUSED.test(path),
      });
      makeImage(target, join(into, 'packages.img'), 700);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
  return join(folder, 'packages.img');
}

const UNUSED =
  /node_modules\/(@biomejs|@typescript|typescript|@rolldown|@esbuild|esbuild|playwright-core|vite|lightningcss[^/]*|axe-core|\.cache)(\/|$)|node-linux-[^/]+\/(include|share|lib)(\/|$)/;

/** The same lock file, installed for another architecture. */
function foreignModules(work: string, arch: Arch): string {
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(ROOT, file), join(work, file));
  const cpu = arch === 'arm64' ? 'arm64' : 'x64';
  run('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts', `--cpu=${cpu}`, '--os=linux'], {
    cwd: work,
  });
  return join(work, 'node_modules');
}

function makeImage(tree: string, file: string, megabytes: number): void {
  // Without features that the older kernels do not know.
  const features = '^metadata_csum,^orphan_file';
  try {
    run('mke2fs', ['-q', '-t', 'ext4', '-O', features, '-d', tree, file, `${megabytes}M`]);
  } catch {
    if (existsSync(file)) rmSync(file);
    run('mke2fs', ['-q', '-t', 'ext4', '-O', '^metadata_csum', '-d', tree, file, `${megabytes}M`]);
  }
}
