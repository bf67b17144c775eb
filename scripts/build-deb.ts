// `make deb`: build/cognitod_VERSION_ARCH.deb for plain hosts, the same bytes each time from the same commit.
import { execFileSync } from 'node:child_process';
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

const ROOT = join(import.meta.dirname, '..');
const HOME = 'usr/lib/cognitod';
const ARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';

/** What is only for tests. */
const TESTS = /\.(test|contract|fixture|test-helper)\.ts$|\/testdata\//;

/** What packages bring for their own developers, and types. */
const UNUSED =
  /(?:^|\/)musl_[^/]+$|^\/(tests?|benchmarks?|examples?|integration|spec)$|\/\.[^/]+$|\.(md|map|sh|[cm]?ts|cc?|cpp|hh?|hpp|inl|gyp)$/;

interface Package {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Builds it and returns its path. `output` is a folder. */
export function buildDeb(output: string): string {
  const seconds = sourceDate();
  const tree = mkdtempSync(join(tmpdir(), 'cognitod-deb-'));
  try {
    copyProgram(tree);
    for (const [from, to, mode] of [
      ['deploy/systemd/cognitod.service', 'lib/systemd/system/cognitod.service', 0o644],
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

/** Seconds; that of the environment, or of the last commit, or a fixed one outside a checkout. */
function sourceDate(): number {
  if (process.env.SOURCE_DATE_EPOCH !== undefined) return Number(process.env.SOURCE_DATE_EPOCH);
  if (!existsSync(join(ROOT, '.git'))) return 1_700_000_000;
  return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' }));
}

/** The sources, the dashboard, the packages that they need, and the pinned Node. */
function copyProgram(tree: string): void {
  const home = join(tree, HOME);
  copy(join(ROOT, 'package.json'), join(home, 'package.json'), 0o644);
  writeLauncher(join(home, 'cognitod'));
  for (const file of globSync('src/**/*', { cwd: ROOT }))
    if (!TESTS.test(file) && statSync(join(ROOT, file)).isFile())
      copy(join(ROOT, file), join(home, file), 0o644);
  buildDashboard(join(home, 'build/web'));
  for (const name of productionPackages()) {
    const from = join(ROOT, 'node_modules', name);
    cpSync(from, join(home, 'node_modules', name), {
      recursive: true,
      dereference: true,
      filter: (path) => !UNUSED.test(`/${relative(from, path)}`) || /licen[cs]e/i.test(path),
    });
  }
  const node = `node_modules/node-linux-${process.arch}`;
  copy(join(ROOT, node, 'bin/node'), join(home, node, 'bin/node'), 0o755);
  copy(join(ROOT, node, 'LICENSE'), join(home, node, 'LICENSE'), 0o644);
}

/** That of the checkout, but what it compiles is kept by who runs it: the package's own folder stays as it was installed. */
function writeLauncher(file: string): void {
  const own = /^: "\$\{NODE_COMPILE_CACHE=.*$/m;
  const text = readFileSync(join(ROOT, 'cognitod'), 'utf8');
  if (!own.test(text)) throw new Error('the launcher has another line for its compile cache');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    text.replace(own, () => `: "\${NODE_COMPILE_CACHE=\${HOME:+$HOME/.cache/cognitod}}"`),
    {
      mode: 0o755,
    },
  );
}

/** Another program, so that building stays one call that returns when all is done. */
function buildDashboard(output: string): void {
  const script = join(ROOT, 'scripts/build-web.ts');
  execFileSync(process.execPath, [script, '--output', output], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** The dependencies of the program and theirs, as installed; what is optional for another platform is not there. */
function productionPackages(): string[] {
  const found = new Set<string>();
  const add = ({ dependencies = {}, optionalDependencies = {} }: Package) => {
    for (const name of [...Object.keys(dependencies), ...Object.keys(optionalDependencies)]) {
      const file = join(ROOT, 'node_modules', name, 'package.json');
      if (found.has(name) || !existsSync(file)) continue;
      found.add(name);
      add(JSON.parse(readFileSync(file, 'utf8')));
    }
  };
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Package;
  add({ dependencies: dependencies ?? {} });
  return [...found].sort();
}

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
    'Depends: libbpf1, libc6 (>= 2.28), libstdc++6, libgcc-s1, libatomic1',
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

if (import.meta.main) console.log(relative(ROOT, buildDeb(join(ROOT, 'build'))));
