// Private Docker and podman under a temporary directory, without network; they leave nothing behind.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BURST, packImages } from './images.ts';

const run = promisify(execFile);

export type EngineName = 'docker' | 'podman';

export interface Engine {
  readonly socket: string;
  /** Runs a container of the burst image in the background; resolves with its id. */
  run(name: string, entrypoint: string, ...args: string[]): Promise<string>;
  /** Resolves when the container has ended. */
  wait(id: string): Promise<void>;
  close(): Promise<void>;
}

const NEEDED: Record<EngineName, [path: string, debianPackage: string][]> = {
  docker: [['/usr/sbin/dockerd', 'docker.io']],
  podman: [['/usr/bin/podman', 'podman']],
};

/** Why the engine cannot be started here; false when it can. */
export function cannotRun(engine: EngineName): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  const needed = [...NEEDED[engine], ['/usr/sbin/runc', 'runc'], ['/bin/busybox', 'busybox-static']] as const;
  const missing = needed.find(([path]) => !existsSync(path));
  return missing === undefined ? false : `${missing[1]} is not installed (scripts/setup e2e)`;
}

/** Rejects with the end of the engine's own log when it does not start. */
export async function startEngine(engine: EngineName): Promise<Engine> {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-engine-'));
  const parent = `/cognitod-${engine}-${process.pid}`;
  const socket = join(directory, 'engine.sock');
  const { daemon, client, runArgs } = COMMANDS[engine](directory, socket, parent);
  const logFile = join(directory, 'log');
  const log = openSync(logFile, 'w');
  const child = spawn(daemon[0]!, daemon.slice(1), { stdio: ['ignore', log, log] });
  const call = async (...args: string[]) =>
    (await run(client[0]!, [...client.slice(1), ...args], { timeout: 60_000 })).stdout.trim();
  const ids: string[] = [];
  const close = async () => {
    for (const id of ids) await call('rm', '-f', id).catch(() => undefined);
    await stop(child);
    unmountBelow(directory);
    rmSync(directory, { recursive: true, force: true });
    await removeCgroups(parent);
  };
  try {
    await until(() => existsSync(socket) || child.exitCode !== null, `${engine} listens`);
    if (child.exitCode !== null)
      throw new Error(`${engine} ended:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
    const image = packImages(directory).find((file) => file.endsWith('burst.rootfs.tar'))!;
    await call('load', '-i', image);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    socket,
    async run(name, entrypoint, ...args) {
      const id = await call(
        'run',
        '-d',
        '--name',
        name,
        '--network',
        'none',
        ...runArgs,
        '--entrypoint',
        entrypoint,
        BURST,
        ...args,
      );
      ids.push(id);
      return id;
    },
    wait: async (id) => void (await call('wait', id)),
    close,
  };
}

type Commands = { daemon: string[]; client: string[]; runArgs: string[] };

const COMMANDS: Record<EngineName, (directory: string, socket: string, parent: string) => Commands> = {
  docker: (directory, socket, parent) => ({
    daemon: [
      '/usr/sbin/dockerd',
      ...['--host', `unix://${socket}`, '--data-root', join(directory, 'data')],
      ...['--exec-root', join(directory, 'exec'), '--pidfile', join(directory, 'pid')],
      // No bridge and no rules: nothing of this machine's network changes.
      ...['--bridge', 'none', '--iptables=false', '--ip6tables=false', '--ip-masq=false'],
      ...['--storage-driver', 'vfs', '--cgroup-parent', parent],
    ],
    client: ['/usr/bin/docker', '-H', `unix://${socket}`],
    runArgs: [],
  }),
  podman: (directory, socket, parent) => {
    const client = [
      '/usr/bin/podman',
      ...[
        '--root',
        join(directory, 'root'),
        '--runroot',
        join(directory, 'run'),
        '--tmpdir',
        join(directory, 'tmp'),
      ],
      ...['--cgroup-manager', 'cgroupfs', '--storage-driver', 'vfs', '--events-backend', 'none'],
    ];
    // The default limits are more than some machines allow.
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000'];
    return {
      daemon: [...client, 'system', 'service', '--time', '0', `unix://${socket}`],
      client,
      runArgs: [...limits, '--cgroup-parent', parent],
    };
  },
};

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}

function unmountBelow(directory: string): void {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${directory}/`));
  for (const point of points.reverse()) execFileSync('umount', ['-l', point]);
}

/** Of all hierarchies; podman's own leftovers too, where nobody is in them. */
async function removeCgroups(parent: string): Promise<void> {
  const hierarchies = [
    '/sys/fs/cgroup',
    ...readdirSync('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`),
  ];
  for (let attempt = 0; attempt < 50; attempt++) {
    const left = hierarchies.map((root) => root + parent).filter((path) => existsSync(path));
    for (const path of left) removeTree(path);
    if (left.length === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const root of hierarchies)
    if (existsSync(`${root}/libpod_parent`)) removeTree(`${root}/libpod_parent`);
}

function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  try {
    rmdirSync(path);
  } catch {
    // Somebody is still in it: the next attempt.
  }
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + 30_000; !holds(); ) {
    if (performance.now() > end) throw new Error(`in 30 s not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
