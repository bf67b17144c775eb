// Boots a kernel with a root file system in QEMU, runs a job in it and waits for its end.
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kvmWorks } from './accelerator.ts';
import { type Guest, HOST_ARCH, kernelOf } from './guests.ts';
import { kernelFiles } from './kernel.ts';
import { packagesImage, type RootKind, rootImage } from './root.ts';
import { writeTree } from './tree.ts';

export interface BootOptions {
  readonly guest: Guest;
  /** An existing folder; the guest sees it as /job and writes its results there. */
  readonly job: string;
  /** Shell script, run as root in /opt/cognitod. */
  readonly script: string;
  /** systemd is PID 1, and the job a unit of it. */
  readonly systemd?: boolean;
  readonly root?: RootKind;
  readonly timeoutSeconds: number;
  /** Called with what the console says, a line each. */
  readonly onConsole?: (line: string) => void;
}

export interface BootResult {
  readonly version: string;
  readonly seconds: number;
  /** Exit status of the job; null when it did not come to its end. */
  readonly status: number | null;
  /** What the job printed. */
  readonly log: string;
  readonly console: string;
  readonly timedOut: boolean;
}

/** A guest does not outlive who started it. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export async function boot(options: BootOptions): Promise<BootResult> {
  const { guest, job, timeoutSeconds } = options;
  const kernel = kernelOf(guest);
  const { version, image, initrd, modules } = kernelFiles(kernel);
  const disks = [rootImage(options.root ?? 'bookworm', kernel.arch), packagesImage(kernel.arch)];
  const isOwnArch = kernel.arch === HOST_ARCH;
  writeTree(join(job, 'tree.tar'), isOwnArch);
  if (options.root === 'newcomer') shareNetwork(job);
  cpSync(join(import.meta.dirname, 'guest/init'), join(job, 'init'));
  chmodSync(join(job, 'init'), 0o755);
  writeFileSync(join(job, 'run.sh'), options.script);
  for (const name of ['rc', 'log', 'console']) rmSync(join(job, name), { force: true });
  mkdirSync(job, { recursive: true });

  const arm = kernel.arch === 'arm64';
  const program = arm ? 'qemu-system-aarch64' : 'qemu-system-x86_64';
  const kvm = isOwnArch && (await kvmWorks(program, image));
  const init = options.systemd === true ? '/sbin/init' : '/job/init';
  const words = [
    'quiet',
    'loglevel=4',
    'panic=-1',
    `vm.init=${init}`,
    `console=${arm ? 'ttyAMA0' : 'ttyS0'}`,
  ];
  const started = Date.now();
  const qemu = spawn(
    program,
    [
      ...['-machine', arm ? 'virt' : 'q35', '-cpu', arm ? 'max,pauth=off' : 'max'],
      ...[
        '-accel',
        kvm ? 'kvm' : 'tcg,thread=multi',
        '-smp',
        '2',
        '-m',
        '4G',
        '-nodefaults',
        '-no-reboot',
        '-display',
        'none',
      ],
      ...['-kernel', image, '-initrd', initrd, '-append', [...words, ...guest.append].join(' ')],
      ...disks.flatMap((file) => ['-drive', `file=${file},format=raw,if=virtio,snapshot=on,cache=unsafe`]),
      ...['-virtfs', `local,path=${job},mount_tag=job,security_model=none,multidevs=remap`],
      ...['-virtfs', `local,path=${modules},mount_tag=mods,security_model=none,readonly=on,multidevs=remap`],
      ...['-netdev', 'user,id=n', '-device', 'virtio-net-pci,netdev=n'],
      ...['-serial', `file:${join(job, 'console')}`],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const stream of [qemu.stdout, qemu.stderr]) stream.on('data', (chunk) => (said += chunk));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    qemu.kill('SIGKILL');
  }, timeoutSeconds * 1000);
  const end = () => qemu.kill('SIGKILL');
  const interrupted = () => process.exit(130);
  process.on('exit', end);
  for (const signal of SIGNALS) process.once(signal, interrupted);
  try {
    await new Promise<void>((resolve, reject) => qemu.on('error', reject).on('close', () => resolve()));
  } finally {
    clearTimeout(timer);
    process.off('exit', end);
    for (const signal of SIGNALS) process.off(signal, interrupted);
  }
  const text = (name: string) => (existsSync(join(job, name)) ? readFileSync(join(job, name), 'utf8') : '');
  const rc = text('rc').trim();
  return {
    version,
    seconds: Math.round((Date.now() - started) / 1000),
    status: rc === '' ? null : Number(rc),
    log: text('log'),
    console: `${text('console')}${said.replace(/^.*(?:failed to initialize kvm|Could not access KVM).*\n/gm, '')}`,
    timedOut,
  };
}

/** How this machine reaches its package mirrors, for a guest that installs something. */
function shareNetwork(job: string): void {
  const folder = join(job, 'network');
  mkdirSync(join(folder, 'apt'), { recursive: true });
  const copy = (from: string, to: string) => {
    if (existsSync(from)) cpSync(from, join(folder, to), { recursive: true, dereference: true });
  };
  copy('/etc/hosts', 'hosts');
  copy('/etc/ssl/certs/ca-certificates.crt', 'ca-certificates.crt');
  for (const name of ['sources.list', 'sources.list.d', 'apt.conf.d'])
    copy(join('/etc/apt', name), `apt/${name}`);
  copy('/usr/share/keyrings/debian-archive-keyring.gpg', 'apt/trusted.gpg.d/debian-archive-keyring.gpg');
  writeFileSync(join(folder, 'npmrc'), 'cafile=/etc/ssl/certs/ca-certificates.crt\nupdate-notifier=false\n');
}
