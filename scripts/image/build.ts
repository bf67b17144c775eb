// Builds the images: `make image [ARGS="--arch arm64 --variant sidecar …"]`. See docs/image.md.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildImage } from './buildah.ts';
import { CACHE } from './cache.ts';
import { FILE_CAPABILITIES } from './file-capabilities.ts';
import { type Arch, updateDebianLock } from './debian.ts';
import { readArchive } from './oci.ts';
import { NODE_FLAGS } from './program.ts';
import { layOutRoot, USER, type Variant } from './rootfs.ts';

const ROOT = join(import.meta.dirname, '../..');
const NAME = 'ghcr.io/linnix-os/cognitod';

export interface BuildOptions {
  readonly arch: Arch;
  readonly variant: Variant;
  readonly tag: string;
  readonly output: string;
  /** Take what Debian has now instead of the locked versions. */
  readonly newest?: boolean;
}

export interface BuiltImage {
  readonly archive: string;
  readonly sbom: string;
  readonly reference: string;
  /** Of the image's manifest, `sha256:…`. */
  readonly digest: string;
  /** Of the layers unpacked. */
  readonly rootBytes: number;
  /** Not with the locked versions of Debian's packages. */
  readonly newest: boolean;
}

/** Builds one image. The same sources and packages give the same digest. */
export async function build({ arch, variant, tag, output, newest }: BuildOptions): Promise<BuiltImage> {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const source = sourceFacts();
  mkdirSync(CACHE, { recursive: true });
  mkdirSync(output, { recursive: true });
  const root = mkdtempSync(join(tmpdir(), 'cognitod-root-'));
  const isSidecar = variant === 'sidecar';
  const base = join(output, `cognitod-${tag}${tag === 'sidecar' || !isSidecar ? '' : '-sidecar'}-${arch}`);
  const archive = `${base}.oci.tar`;
  const reference = `${NAME}:${tag}`;
  try {
    const sbom = await layOutRoot(root, {
      arch,
      variant,
      version,
      epoch: source.epoch,
      cache: CACHE,
      newest: newest ?? false,
    });
    writeFileSync(`${base}.cdx.json`, sbom);
    buildImage(root, archive, {
      arch,
      reference,
      epoch: source.epoch,
      entrypoint: ['/opt/cognitod/bin/node', ...NODE_FLAGS, '/opt/cognitod/dist/main.js'],
      command: ['agent'],
      env: { PATH: '/opt/cognitod/bin', ...(isSidecar ? { COGNITOD_COLLECTOR: 'procfs' } : {}) },
      user: `${USER}:${USER}`,
      labels: {
        'org.opencontainers.image.title': isSidecar ? 'cognitod sidecar' : 'cognitod',
        'org.opencontainers.image.description': isSidecar
          ? 'Sees the processes of its own pod by polling /proc; without eBPF'
          : 'Sees every process on a Linux node and says which pod it belongs to',
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.revision': source.revision,
        'org.opencontainers.image.created': new Date(source.epoch * 1000).toISOString(),
        'org.opencontainers.image.source': 'https://github.com/linnix-os/cognitod',
        'org.opencontainers.image.licenses': 'Apache-2.0',
        'org.opencontainers.image.vendor': 'linnix-os',
      },
      fileCapabilities: isSidecar ? {} : { 'opt/cognitod/bin/node': FILE_CAPABILITIES },
    });
    const { digest } = readArchive(archive);
    const rootBytes = Number(execFileSync('du', ['-sb', root], { encoding: 'utf8' }).split('\t')[0]);
    return { archive, sbom: `${base}.cdx.json`, reference, digest, rootBytes, newest: newest ?? false };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Time and revision of the sources; SOURCE_DATE_EPOCH wins, and without git both say that nothing is known. */
function sourceFacts(): { epoch: number; revision: string } {
  const git = (...args: string[]) => {
    try {
      return execFileSync('git', args, {
        cwd: ROOT,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    } catch {
      return '';
    }
  };
  const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
  const revision = git('rev-parse', 'HEAD');
  return {
    epoch: Number(process.env.SOURCE_DATE_EPOCH ?? (git('log', '-1', '--format=%ct') || '0')),
    revision: revision === '' ? 'unknown' : `${revision}${changed ? '-changed' : ''}`,
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      arch: { type: 'string', default: 'all' },
      variant: { type: 'string', default: 'all' },
      tag: { type: 'string' },
      output: { type: 'string', default: join(ROOT, 'build/image') },
      'update-packages': { type: 'boolean', default: false },
    },
  });
  if (values['update-packages']) updateDebianLock(CACHE);
  if (process.getuid?.() !== 0)
    throw new Error('file capabilities can be written only by root: sudo make image');
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  for (const variant of choice(values.variant, ['agent', 'sidecar'] as const)) {
    for (const arch of choice(values.arch, ['amd64', 'arm64'] as const)) {
      const tag = values.tag ?? (variant === 'sidecar' ? 'sidecar' : version);
      const built = await build({ arch, variant, tag, output: resolve(values.output) });
      const size = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
      console.log(
        `${built.reference} linux/${arch} ${built.digest}\n  ${built.archive} ` +
          `(${size(statSync(built.archive).size)}, unpacked ${size(built.rootBytes)})\n  ${built.sbom}`,
      );
    }
  }
}

/** `all` or one of them. Throws when it is neither. */
function choice<T extends string>(value: string, all: readonly T[]): readonly T[] {
  if (value === 'all') return all;
  const found = all.find((one) => one === value);
  if (found === undefined) throw new Error(`${value} is not one of ${all.join(', ')}, all`);
  return [found];
}

if (import.meta.main) {
  await main().catch((error: Error) => {
    console.error(`make image: ${error.message}`);
    process.exitCode = 1;
  });
}
