// The image under test: an archive that IMAGE_ARCHIVE names, or one of this checkout in the same layout, made without buildah.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buildDeb } from '../../scripts/build-deb.ts';
import { NODE_FLAGS } from '../../scripts/image/program.ts';
import { VERSION } from '../../src/lib/version.ts';

export const REPOSITORY = 'localhost/cognitod';
/** The first, and one to upgrade to. */
const TAGS = [VERSION, 'next'];
const APP = 'opt/cognitod';

/** Brings the image to the node's runtime; returns what it is, in words. */
export async function importImage(criSocket: string, env: NodeJS.ProcessEnv): Promise<string> {
  if (env.IMAGE_ARCHIVE !== undefined) {
    ctr(criSocket, 'image', 'import', env.IMAGE_ARCHIVE);
    const reference = `ghcr.io/linnix-os/cognitod:${VERSION}`;
    for (const tag of TAGS) ctr(criSocket, 'image', 'tag', '--force', reference, `${REPOSITORY}:${tag}`);
    return env.IMAGE_ARCHIVE;
  }
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-stand-in-'));
  try {
    const root = await layOut(folder);
    for (const tag of TAGS) {
      // Another image, not another name of the same.
      writeFileSync(join(root, 'etc/tag'), tag);
      const archive = join(folder, `${tag}.tar`);
      const entrypoint = ['/opt/cognitod/bin/node', ...NODE_FLAGS, '/opt/cognitod/dist/main.js'];
      execFileSync(join(import.meta.dirname, 'image'), [
        `${REPOSITORY}:${tag}`,
        archive,
        '--rootfs',
        root,
        ...entrypoint,
      ]);
      ctr(criSocket, 'image', 'import', archive);
    }
    return 'a stand-in from this checkout, in the layout of the image (IMAGE_ARCHIVE names another)';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The program as the package for plain hosts has it, with the libraries that it loads and the file capabilities. */
async function layOut(folder: string): Promise<string> {
  const unpacked = join(folder, 'deb');
  execFileSync('dpkg-deb', ['-x', await buildDeb(folder), unpacked]);
  const root = join(folder, 'root');
  for (const name of ['bin', 'etc/cognitod', 'tmp', 'proc', 'sys', 'dev', 'host/proc', 'host/sys', 'opt'])
    mkdirSync(join(root, name), { recursive: true });
  cpSync(join(unpacked, 'usr/lib/cognitod'), join(root, APP), { recursive: true });
  const node = join(root, APP, 'bin/node');
  execFileSync('setcap', ['cap_bpf,cap_perfmon,cap_setpcap,cap_sys_ptrace+p', node]);
  const shebang = '#!/opt/cognitod/bin/node --disable-warning=ExperimentalWarning';
  writeFileSync(
    join(root, APP, 'bin/cognitod'),
    `${shebang}\nawait import('/opt/cognitod/dist/main.js');\n`,
    {
      mode: 0o755,
    },
  );
  const libbpf = execFileSync(
    'sh',
    ['-c', 'PATH=$PATH:/sbin ldconfig -p | sed -n "s/.*libbpf.so.1 .*=> //p"'],
    { encoding: 'utf8' },
  );
  for (const library of new Set([libbpf.trim(), ...librariesOf(node), ...librariesOf(libbpf.trim())])) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    cpSync(realpathSync(library), join(root, library));
  }
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/\nnonroot:x:65532:65532::/:/\n');
  return root;
}

const librariesOf = (file: string): string[] =>
  [...execFileSync('ldd', [file], { encoding: 'utf8' }).matchAll(/(?:=> )?(\/\S+) \(/g)].map(
    (match) => match[1]!,
  );

const ctr = (socket: string, ...args: string[]) =>
  execFileSync('ctr', ['-a', socket, '-n', 'k8s.io', ...args], { stdio: 'pipe', timeout: 120_000 });
