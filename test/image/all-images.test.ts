// Both variants for both architectures, from two clones at different times: `make e2e-image`.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CACHE } from '../../scripts/image/cache.ts';
import { listLayer, readArchive } from '../../scripts/image/oci.ts';
import { cannotBuildImage } from './built.ts';

const ROOT = join(import.meta.dirname, '../..');
const skip = process.env.TEST_IMAGES === 'all' ? cannotBuildImage() : 'takes two minutes: make e2e-image';
const IMAGES = ['0.1.0-amd64', '0.1.0-arm64', 'sidecar-amd64', 'sidecar-arm64'];

test('two clones give the same four images', { skip, timeout: 600_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-clones-'));
  try {
    const first = buildClone(join(directory, 'one'), { umask: '022', TZ: 'UTC' });
    const second = buildClone(join(directory, 'a/second place'), { umask: '077', TZ: 'Asia/Tokyo' });
    for (const image of IMAGES) {
      const [one, two] = [first, second].map((output) =>
        readArchive(join(output, `cognitod-${image}.oci.tar`)),
      );
      assert.equal(one!.digest, two!.digest, image);
      assert.equal(one!.config.architecture, image.split('-').at(-1));
      const paths = listLayer(join(first, `cognitod-${image}.oci.tar`)).map(({ path }) => path);
      assert.equal(
        paths.some((path) => path.endsWith('libbpf.so.1')),
        !image.startsWith('sidecar'),
        image,
      );
      assert.equal(paths.includes('usr/lib/ld-linux-aarch64.so.1'), image.endsWith('arm64'), image);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** Clones what is committed, and builds. Only Debian's packages are taken from here: the archive's may be newer. */
function buildClone(clone: string, { umask, TZ }: { umask: string; TZ: string }): string {
  mkdirSync(join(clone, '..'), { recursive: true });
  execFileSync('git', ['clone', '--quiet', '--no-local', ROOT, clone], { stdio: 'pipe' });
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
  for (const name of existsSync(CACHE) ? readdirSync(CACHE) : [])
    if (/^debian-[a-z0-9]+$/.test(name))
      cpSync(join(CACHE, name), join(clone, 'build/image-cache', name), { recursive: true });
  const output = join(clone, 'images');
  const script = 'umask "$0" && exec "$@"';
  const build = [process.execPath, 'scripts/image/build.ts', '--output', output];
  execFileSync('sh', ['-c', script, umask, ...build], {
    cwd: clone,
    env: { ...process.env, TZ },
    stdio: 'pipe',
  });
  return output;
}
