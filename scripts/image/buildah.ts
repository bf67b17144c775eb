// Makes an OCI archive of a root directory with buildah, in a storage of its own.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ImageOptions {
  readonly arch: string;
  /** Name with tag, e.g. `ghcr.io/linnix-os/cognitod:0.1.0`. */
  readonly reference: string;
  /** Of every file and of the image, seconds since 1970. */
  readonly epoch: number;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly user: string;
  /** Path inside the image → capabilities in the notation of setcap. */
  readonly fileCapabilities: Readonly<Record<string, string>>;
}

/** Needs root: file capabilities cannot be written otherwise. Throws with what buildah said. */
export function buildImage(root: string, archive: string, options: ImageOptions): void {
  const storage = mkdtempSync(join(tmpdir(), 'cognitod-buildah-'));
  const policy = join(storage, 'policy.json');
  writeFileSync(policy, JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }));
  const global = [
    '--root',
    join(storage, 'root'),
    '--runroot',
    join(storage, 'run'),
    '--storage-driver',
    'vfs',
  ];
  const buildah = (...args: string[]) =>
    execFileSync('buildah', [...global, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  try {
    const container = buildah('from', 'scratch');
    const mounted = buildah('mount', container);
    cpSync(root, mounted, { recursive: true, verbatimSymlinks: true });
    execFileSync('chown', ['-R', '-h', '0:0', mounted]);
    // After chown, which takes them away.
    for (const [path, capabilities] of Object.entries(options.fileCapabilities)) {
      execFileSync('setcap', [capabilities, join(mounted, path)]);
    }
    buildah('umount', container);
    buildah(
      'config',
      ...['--arch', options.arch, '--os', 'linux', '--user', options.user, '--workingdir', '/'],
      ...['--entrypoint', JSON.stringify(options.entrypoint), '--cmd', JSON.stringify(options.command)],
      ...['--stop-signal', 'SIGTERM', '--created-by', 'scripts/image/build.ts'],
      ...Object.entries(options.env).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
      ...Object.entries(options.labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
      container,
    );
    rmSync(archive, { force: true });
    mkdirSync(join(archive, '..'), { recursive: true });
    buildah(
      ...[
        'commit',
        '--quiet',
        '--format',
        'oci',
        '--timestamp',
        String(options.epoch),
        '--identity-label=false',
        '--disable-compression=false',
      ],
      ...['--signature-policy', policy, container, `oci-archive:${archive}:${options.reference}`],
    );
  } finally {
    try {
      buildah('rm', '--all');
    } catch {
      // The storage goes as a whole.
    }
    rmSync(storage, { recursive: true, force: true });
  }
}
