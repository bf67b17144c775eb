// `make deb`: build/cognitod_VERSION_ARCH.deb for plain hosts, the same bytes each time from the same commit.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { VERSION } from '../src/lib/version.ts';
import type { Arch } from './image/debian.ts';
import { licensesText } from './image/licenses.ts';
import { NPM_ARCH } from './image/npm.ts';
import { layOutProgram, NODE_FLAGS } from './image/program.ts';

const ROOT = join(import.meta.dirname, '..');
const HOME = 'usr/lib/cognitod';
const ARCH: Arch = process.arch === 'arm64' ? 'arm64' : 'amd64';

/** Builds it and returns its path. `output` is a folder. */
export async function buildDeb(output: string): Promise<string> {
  const seconds = sourceDate();
  const tree = mkdtempSync(join(tmpdir(), 'cognitod-deb-'));
  try {
    await copyProgram(tree);
    for (const [from, to, mode] of [
      ['deploy/systemd/cognitod.service', 'usr/lib/systemd/system/cognitod.service', 0o644],
      ['deploy/cognitod.yaml', 'etc/cognitod/cognitod.yaml', 0o644],
      ['src/cli/completion/cognitod.bash', 'usr/share/bash-completion/completions/cognitod', 0o644],
      ['src/cli/completion/cognitod.zsh', 'usr/share/zsh/vendor-completions/_cognitod', 0o644],
      ['src/cli/completion/cognitod.fish', 'usr/share/fish/vendor_completions.d/cognitod.fish', 0o644],
      ['deploy/deb/copyright', 'usr/share/doc/cognitod/copyright', 0o644],
      ['deploy/deb/postinst', 'DEBIAN/postinst', 0o755],
      ['deploy/deb/prerm', 'DEBIAN/prerm', 0o755],
      ['deploy/deb/postrm', 'DEBIAN/postrm', 0o755],
    ] as const)
      copy(join(ROOT, from), join(tree, to), mode);
    mkdirSync(join(tree, 'usr/bin'), { recursive: true });
    symlinkSync('../lib/cognitod/cognitod', join(tree, 'usr/bin/cognitod'));
    const changelog = `cognitod (${VERSION}) stable; urgency=medium\n\n  * Release ${VERSION}.\n\n -- The cognitod authors <cognitod@users.noreply.github.com>  ${rfc2822(seconds)}\n`;
    writeFileSync(join(tree, 'usr/share/doc/cognitod/changelog.gz'), gzipSync(changelog, { level: 9 }));
    writeFileSync(join(tree, 'DEBIAN/conffiles'), '/etc/cognitod/cognitod.yaml\n');
    writeFileSync(join(tree, 'DEBIAN/control'), control(tree));
    settle(tree, seconds);
    mkdirSync(output, { recursive: true });
    const file = join(output, `cognitod_${VERSION}_${ARCH}.deb`);
    execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z3', '--build', tree, file], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, SOURCE_DATE_EPOCH: String(seconds) },
    });
    return file;
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

/** Seconds; that of the environment, or of the last commit, or a fixed one outside a checkout or without git. */
function sourceDate(): number {
  if (process.env.SOURCE_DATE_EPOCH !== undefined) return Number(process.env.SOURCE_DATE_EPOCH);
  const hasGit = spawnSync('git', ['--version']).error === undefined;
  if (!hasGit || !existsSync(join(ROOT, '.git'))) return 1_700_000_000;
  return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' }));
}

/** The bundle with what it loads, the pinned Node, and the licences of all of it. */
async function copyProgram(tree: string): Promise<void> {
  const home = join(tree, HOME);
  const modules = join(ROOT, 'node_modules');
  mkdirSync(home, { recursive: true });
  const npm = await layOutProgram(home, { modules, arch: NPM_ARCH[ARCH], version: VERSION });
  writeFileSync(join(home, 'THIRD-PARTY-LICENSES.txt'), licensesText(npm, [], ''));
  // Its first line names the Node of the image.
  const main = join(home, 'dist/main.js');
  writeFileSync(main, readFileSync(main, 'utf8').replace(/^#!.*\n/, ''));
  copy(join(modules, `node-linux-${NPM_ARCH[ARCH]}/bin/node`), join(home, 'bin/node'), 0o755);
  writeFileSync(join(home, 'cognitod'), LAUNCHER);
}

/** Without a compile cache: what whoever runs the agent may write is never read by its privileged half (docs/adr/0022-package.md). */
const LAUNCHER = `#!/bin/sh
# Starts cognitod with the Node of its package.
home=$(dirname "$(readlink -f "$0")")
exec "$home/bin/node" ${NODE_FLAGS.join(' ')} "$home/dist/main.js" "$@"
`;

function control(tree: string): string {
  const bytes = globSync('**/*', { cwd: tree })
    .map((path) => statSync(join(tree, path)))
    .reduce((sum, { size }) => sum + size, 0);
  return [
    'Package: cognitod',
    `Version: ${VERSION}`,
    `Architecture: ${ARCH}`,
    'Maintainer: The cognitod authors <cognitod@users.noreply.github.com>',
    `Installed-Size: ${Math.ceil(bytes / 1024)}`,
    'Depends: libbpf1, libseccomp2, libc6 (>= 2.28), libstdc++6, libgcc-s1, libatomic1',
    'Section: admin',
    'Priority: optional',
    'Homepage: https://github.com/linnix-os/cognitod',
    'Description: sees every process on this host, in containers too',
    ' An eBPF agent: small kernel programs watch fork, exec and exit of every',
    ' process; each is told with its arguments, how it ended and the container it',
    ' ran in. What is lost is counted exactly. It observes and never acts, and',
    ' gives up every privilege once it has started.',
    '',
  ].join('\n');
}

function copy(from: string, to: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
  chmodSync(to, mode);
}

/** Packages bring programs of their own, which nobody here starts. */
const EXECUTABLE = /\/(DEBIAN\/(postinst|prerm|postrm)|usr\/lib\/cognitod\/cognitod|bin\/node)$/;

/** The same modes and times whoever builds it, and whenever. */
function settle(tree: string, seconds: number): void {
  chmodSync(tree, 0o755);
  for (const path of globSync('**/*', { cwd: tree, withFileTypes: true })) {
    const file = join(path.parentPath, path.name);
    if (path.isDirectory()) chmodSync(file, 0o755);
    else if (path.isFile()) chmodSync(file, EXECUTABLE.test(file) ? 0o755 : 0o644);
    lutimesSync(file, seconds, seconds);
  }
}

const rfc2822 = (seconds: number) => new Date(seconds * 1000).toUTCString().replace('GMT', '+0000');

if (import.meta.main) console.log(relative(ROOT, await buildDeb(join(ROOT, 'build'))));
