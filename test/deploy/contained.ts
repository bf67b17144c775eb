// A container by runc alone: the host's folders read-only, chosen capabilities, user and seccomp profile.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const ROOT = realpathSync(join(import.meta.dirname, '../..'));
const RUNC = '/usr/sbin/runc';

export interface ContainedOptions {
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly seccomp: object | undefined;
}

export interface Contained {
  /** Starts a command in the container: the `prefix` of startAgent. */
  readonly prefix: string[];
  close(): void;
}

/** With the node's pids and network, as a pod with hostPID; nothing runs yet. */
export function openContained({ capabilities, noNewPrivileges, seccomp }: ContainedOptions): Contained {
  const bundle = mkdtempSync(join(tmpdir(), 'cognitod-contained-'));
  const rootfs = join(bundle, 'rootfs');
  const shown = [
    '/usr',
    '/lib',
    '/lib64',
    '/bin',
    '/sbin',
    '/etc',
    '/sys',
    '/proc',
    ROOT,
    realpathSync(join(ROOT, 'node_modules')),
  ];
  const mounts = shown.map((path) => {
    mkdirSync(join(rootfs, path), { recursive: true });
    return { destination: path, source: path, type: 'bind', options: ['rbind', 'ro'] };
  });
  mkdirSync(join(rootfs, 'dev'));
  const names = capabilities.map((name) => `CAP_${name}`);
  writeFileSync(
    join(bundle, 'config.json'),
    JSON.stringify({
      ociVersion: '1.0.2',
      process: {
        user: { uid: 0, gid: 0 },
        cwd: '/',
        args: [],
        env: [],
        capabilities: { bounding: names, effective: names, permitted: names },
        noNewPrivileges,
      },
      root: { path: 'rootfs', readonly: true },
      mounts: [
        ...mounts,
        { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      ],
      linux: { namespaces: [{ type: 'mount' }, { type: 'ipc' }], seccomp },
    }),
  );
  return {
    prefix: [
      process.execPath,
      '--disable-warning=ExperimentalWarning',
      join(import.meta.dirname, 'run-contained.ts'),
      bundle,
    ],
    close() {
      spawnSync(RUNC, ['--root', join(bundle, 'runc'), 'delete', '--force', basename(bundle)]);
      // Mounts of the container are in its own namespace; nothing of the host's is below the bundle.
      execFileSync('sh', ['-c', '! grep -qF " $0/" /proc/self/mountinfo', bundle]);
      rmSync(bundle, { recursive: true, force: true });
    },
  };
}
