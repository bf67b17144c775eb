// A Debian kernel for QEMU: image, modules, and an initramfs that reaches the disks and shares.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Apt } from './apt.ts';
import { kept } from './cache.ts';
import { type Arch, HOST_ARCH, type Kernel } from './guests.ts';
import { run } from './run-command.ts';

export interface BuiltKernel {
  readonly version: string;
  readonly image: string;
  readonly initrd: string;
  readonly modules: string;
}

/** What the initramfs needs before the root file system is there. */
const MODULES = ['virtio_pci', 'virtio_mmio', 'virtio_blk', 'ext4', 'crc32c_generic', '9pnet_virtio', '9p'];
const INIT = join(import.meta.dirname, 'guest/initrd-init');

/** Fetched once and kept; `make vm-clean` forgets it. */
export function kernelFiles(kernel: Kernel): BuiltKernel {
  const folder = kept(`kernels/${kernel.name}`, (into) => {
    const apt = new Apt(kernel.suite, kernel.arch);
    apt.unpack(
      kernel.packages.map((pattern) => apt.newest(pattern)),
      into,
    );
    const { base, version } = placeOf(into);
    run('depmod', ['-b', base, version]);
  });
  const { base, version } = placeOf(folder);
  const images = [
    join(folder, 'tree/boot', `vmlinuz-${version}`),
    join(base, 'lib/modules', version, 'vmlinuz'),
  ];
  const initrd = join(folder, 'initrd');
  makeInitrd(base, version, kernel.arch, initrd);
  return {
    version,
    image: images.find((file) => existsSync(file))!,
    initrd,
    modules: join(base, 'lib/modules'),
  };
}

function placeOf(folder: string): { base: string; version: string } {
  const base = [join(folder, 'tree'), join(folder, 'tree/usr')].find((at) =>
    existsSync(join(at, 'lib/modules')),
  )!;
  return { base, version: readdirSync(join(base, 'lib/modules'))[0]! };
}

/** Each time anew: it takes a second, and its init is part of the checkout. */
function makeInitrd(base: string, version: string, arch: Arch, output: string): void {
  const work = mkdtempSync(join(tmpdir(), 'cognitod-initrd-'));
  try {
    for (const folder of ['bin', 'mod', 'proc', 'sys', 'dev', 'root']) mkdirSync(join(work, folder));
    copyFileSync(busyboxOf(arch), join(work, 'bin/busybox'));
    const names = MODULES.flatMap((name) => dependencies(base, version, name));
    const files = [...new Set(names)];
    for (const file of files) unpackModule(file, join(work, 'mod'));
    const list = files.map((file) => `${basename(file).replace(/\.(xz|zst)$/, '')}\n`);
    writeFileSync(join(work, 'mod/list'), list.join(''));
    cpSync(INIT, join(work, 'init'));
    chmodSync(join(work, 'init'), 0o755);
    run('sh', ['-c', `find . | cpio -o -H newc --quiet | gzip -1 >'${output}'`], { cwd: work });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A module and those it needs, in the order of loading; none when it is built in or not there. */
function dependencies(base: string, version: string, name: string): string[] {
  try {
    const text = run('modprobe', ['-d', base, '-S', version, '--show-depends', name]);
    return [...text.matchAll(/^insmod (\S+)/gm)].map(([, file]) => file!);
  } catch {
    return [];
  }
}

function unpackModule(file: string, folder: string): void {
  const target = join(folder, basename(file).replace(/\.(xz|zst)$/, ''));
  if (file.endsWith('.xz')) run('sh', ['-c', `xz -dc '${file}' >'${target}'`]);
  else if (file.endsWith('.zst')) run('sh', ['-c', `zstd -qdc '${file}' >'${target}'`]);
  else copyFileSync(file, target);
}

/** Static, of the guest's architecture. */
function busyboxOf(arch: Arch): string {
  if (arch === HOST_ARCH) return '/bin/busybox';
  const folder = kept(`busybox-${arch}`, (into) =>
    new Apt('bookworm', arch).unpack(['busybox-static'], into),
  );
  return ['bin/busybox', 'usr/bin/busybox']
    .map((name) => join(folder, 'tree', name))
    .find((file) => existsSync(file))!;
}
