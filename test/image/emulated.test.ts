// The arm64 image on a machine that is none: Node, the bundle, koffi and libbpf load and run under QEMU's user emulation.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { blobPath, readArchive } from '../../scripts/image/oci.ts';
import { builtImage, cannotBuildImage, removeBuiltImages } from './built.ts';

const QEMU = '/usr/bin/qemu-aarch64-static';
const skip =
  process.env.TEST_IMAGES !== 'all'
    ? 'make e2e-image runs it'
    : existsSync(QEMU)
      ? cannotBuildImage()
      : 'qemu-user-static is not installed (scripts/setup e2e-image)';

after(removeBuiltImages);

test('the agent of the arm64 image starts, has libbpf and polls /proc', {
  skip,
  timeout: 120_000,
}, async () => {
  const { archive } = await builtImage('agent', 'arm64');
  const root = mkdtempSync(join(tmpdir(), 'cognitod-arm64-'));
  try {
    unpack(archive, root);
    const report = await startAgent(root);
    // QEMU does not pass bpf(2) on: libbpf was loaded, and the kernel said no.
    assert.match(String(report.reason), /lifecycle: ENOSYS/);
    assert.equal(report.collector, 'procfs');
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

function unpack(archive: string, root: string): void {
  const layer = join(root, 'layer.tar.gz');
  mkdirSync(join(root, 'image'));
  const blob = blobPath(readArchive(archive).layers[0]!.digest);
  execFileSync('sh', ['-c', 'tar -xOf "$0" "$1" > "$2"', archive, blob, layer]);
  execFileSync('tar', ['-xzf', layer, '-C', join(root, 'image')]);
  // QEMU takes what exists below its prefix from there, empty mount points too.
  for (const name of ['proc', 'sys', 'dev', 'run', 'tmp']) rmdirSync(join(root, 'image', name));
}

/** Until it says that it has started; then it is stopped. Rejects with what it said when it ends before. */
async function startAgent(directory: string): Promise<Record<string, unknown>> {
  const root = join(directory, 'image');
  const app = join(root, 'opt/cognitod');
  const libraries = `LD_LIBRARY_PATH=${join(root, 'usr/lib/aarch64-linux-gnu')}`;
  const node = [join(app, 'bin/node'), '--disable-warning=ExperimentalWarning', join(app, 'dist/main.js')];
  const listeners = ['--api-listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'];
  const child = spawn(
    QEMU,
    ['-L', root, '-E', libraries, ...node, 'agent', '--json', '--quiet', ...listeners],
    // An exec would leave the emulation.
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, COGNITOD_PRIVILEGES_DROP: 'false' } },
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const record = JSON.parse(line) as Record<string, unknown>;
      if (record.type === 'started') return record;
    }
    throw new Error(`the agent ended: ${said}`);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}
