// Starts a private containerd with CRI under a temporary directory, and leaves nothing behind.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CriClient } from './cri.ts';
import { PAUSE, packImages } from './images.ts';

export interface Mode {
  /** Who would name the cgroups: containerd's cgroupfs driver, or systemd (imitated by a runc wrapper). */
  readonly names: 'cgroupfs' | 'systemd';
  /** hybrid: v1 controllers and an empty cgroup2; v2: only cgroup2 is mounted where containerd runs. */
  readonly view: 'hybrid' | 'v2';
}

export interface Containerd {
  readonly socket: string;
  readonly cri: CriClient;
  /** Kills all containers, containerd, its shims; removes mounts, cgroups and the directory. */
  close(): Promise<void>;
}

/** Why no containerd can be started here; false when one can. */
export function cannotRunContainerd(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const [path, name] of [
    ['/usr/bin/containerd', 'containerd'],
    ['/usr/sbin/runc', 'runc'],
    ['/bin/busybox', 'busybox-static'],
  ] as const) {
    if (!existsSync(path)) return `${name} is not installed (scripts/setup e2e)`;
  }
  return false;
}

export async function startContainerd(mode: Mode): Promise<Containerd> {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-e2e-'));
  const socket = join(directory, 'containerd.sock');
  const cgroupsBefore = new Set(podCgroups());
  let daemon: ChildProcess | undefined;
  let cri: CriClient | undefined;
  let closing: Promise<void> | undefined;

  const close = () => {
    closing ??= (async () => {
      cri?.close();
      if (daemon?.pid !== undefined && daemon.exitCode === null) {
        const ended = new Promise((resolve) => daemon!.once('exit', resolve));
        daemon.kill('SIGTERM');
        const timer = setTimeout(() => daemon!.kill('SIGKILL'), 5_000);
        await ended;
        clearTimeout(timer);
      }
      const left = podCgroups().filter((path) => !cgroupsBefore.has(path));
      for (let attempt = 0; attempt < 100; attempt++) {
        killShims(socket);
        for (const path of left) killCgroup(path);
        for (const path of left) removeCgroup(path);
        if (left.every((path) => !existsSync(path)) && shims(socket).length === 0) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      unmountBelow(directory);
      rmSync(directory, { recursive: true, force: true });
      const stuck = left.filter((path) => existsSync(path));
      if (stuck.length > 0) throw new Error(`cgroups left behind: ${stuck.join(' ')}`);
    })();
    return closing;
  };

  try {
    writeConfig(directory, socket, mode);
    const log = openSync(join(directory, 'containerd.log'), 'w');
    const config = join(directory, 'containerd.toml');
    const v2 =
      'umount -R -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec containerd --config "$0"';
    daemon =
      mode.view === 'hybrid'
        ? spawn('containerd', ['--config', config], { stdio: ['ignore', log, log] })
        : spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-ec', v2, config], {
            stdio: ['ignore', log, log],
          });
    const images = packImages(directory);
    cri = new CriClient(socket);
    await waitReady(cri, daemon, join(directory, 'containerd.log'));
    for (const image of images)
      execFileSync('ctr', ['-a', socket, '-n', 'k8s.io', 'image', 'import', image], { stdio: 'pipe' });
    return { socket, cri, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function waitReady(cri: CriClient, daemon: ChildProcess, log: string): Promise<void> {
  for (const until = Date.now() + 20_000; ; ) {
    try {
      await cri.call('Version', { version: '' });
      return;
    } catch (error) {
      if (daemon.exitCode !== null || Date.now() > until) {
        const tail = readFileSync(log, 'utf8').split('\n').slice(-8).join('\n');
        throw new Error(`containerd did not start:\n${tail}`, { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function writeConfig(directory: string, socket: string, mode: Mode): void {
  for (const name of ['cni-bin', 'cni-conf', 'tmp', 'runc']) mkdirSync(join(directory, name));
  const wrapper = join(directory, 'runc-wrapper');
  const rewrite = `${process.execPath} --disable-warning=ExperimentalWarning ${join(import.meta.dirname, 'runc-bundle.ts')}`;
  writeFileSync(
    wrapper,
    `#!/bin/sh
previous= bundle= create=
for argument in "$@"; do
	[ "$previous" = --bundle ] && bundle=$argument
	[ "$argument" = create ] && create=1
	previous=$argument
done
[ -z "$create" ] || ${rewrite} "$bundle" ${mode.names} ${mode.view} || exit 1
exec /usr/sbin/runc "$@"
`,
    { mode: 0o755 },
  );
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  writeFileSync(
    join(directory, 'containerd.toml'),
    `version = 2
root = "${directory}/root"
state = "${directory}/state"
temp = "${directory}/tmp"
[grpc]
  address = "${socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${directory}/opt"
[${cri}]
  sandbox_image = "${PAUSE}"
  disable_apparmor = true
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
[${cri}.cni]
  bin_dir = "${directory}/cni-bin"
  conf_dir = "${directory}/cni-conf"
[${cri}.containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "runc"
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  BinaryName = "${wrapper}"
  SystemdCgroup = false
  Root = "${directory}/runc"
`,
  );
}

/** Directories of pods in every hierarchy, parents before children. */
function podCgroups(): string[] {
  const hierarchies = ['/sys/fs/cgroup', ...children('/sys/fs/cgroup')];
  const roots = hierarchies.flatMap((path) => ['kubepods', 'kubepods.slice'].map((name) => join(path, name)));
  return roots.filter((path) => existsSync(path)).flatMap((path) => [path, ...below(path)]);
}

function children(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(path, entry.name));
  } catch {
    return [];
  }
}

const below = (path: string): string[] => children(path).flatMap((child) => [child, ...below(child)]);

function killCgroup(path: string): void {
  try {
    for (const pid of readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean))
      if (Number(pid) > 0) process.kill(Number(pid), 'SIGKILL');
  } catch {
    // Already gone.
  }
}

/** One directory and what is below it, deepest first. */
function removeCgroup(path: string): void {
  for (const directory of [path, ...below(path)].reverse()) {
    try {
      rmdirSync(directory);
    } catch {
      // Busy for some moments after its last process; the caller tries again.
    }
  }
}

/** The shims of this containerd, by the socket in their command line. */
function shims(socket: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return argv[0]!.includes('containerd-shim') && argv.includes(socket);
      } catch {
        return false;
      }
    });
}

function killShims(socket: string): void {
  for (const pid of shims(socket)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Already gone.
    }
  }
}

function unmountBelow(directory: string): void {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${directory}/`));
  for (const path of points.reverse()) spawnSync('umount', ['-l', path]);
}
