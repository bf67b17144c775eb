// The package for plain hosts: built twice the same, unpacked, and the agent of it run as its unit would.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildDeb } from '../../scripts/build-deb.ts';
import { EXTERNAL_PACKAGES } from '../../scripts/build-dist.ts';
import type { StatusJson } from '../../src/api/index.ts';
import { VERSION } from '../../src/lib/version.ts';
import { cannotUseBpf } from '../support/observe.ts';
import { changeableByOthers, filesNamed, systemCalls } from './strace.ts';
import { allowedSystemCalls, GROUPS } from './system-call-filter.ts';

const ROOT = join(import.meta.dirname, '../..');
const HOME = 'usr/lib/cognitod';
const UNIT = join(ROOT, 'deploy/systemd/cognitod.service');
/** Like that of the unit: nobody else's. */
const USER = 65533;
/** Refused by the unit, and then done in another way: libuv asks the kernel for its events one by one, V8 does not lock its code. */
const DONE_WITHOUT = new Set([
  'io_uring_setup',
  'io_uring_enter',
  'io_uring_register',
  'pkey_alloc',
  'pkey_mprotect',
]);
const skip = spawnSync('dpkg-deb', ['--version']).error === undefined ? false : 'dpkg-deb is not installed';

let folder = '';
let deb = '';
let root = '';

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), 'cognitod-deb-test-'));
  deb = await buildDeb(folder);
  root = join(folder, 'root');
  execFileSync('dpkg-deb', ['-x', deb, root]);
  // The user of the unit gets in.
  chmodSync(folder, 0o755);
});
after(() => {
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

test('the package has the program, its unit and its configuration, and nothing of the tests', {
  skip,
}, () => {
  const contents = execFileSync('dpkg-deb', ['--contents', deb], { encoding: 'utf8' });
  for (const path of [
    './usr/bin/cognitod -> ../lib/cognitod/cognitod',
    './usr/lib/cognitod/bin/node',
    './usr/lib/cognitod/dist/main.js',
    './usr/lib/cognitod/dist/web/index.html',
    './usr/lib/cognitod/dist/kernel/generated/lifecycle.bpf.o',
    './usr/lib/cognitod/package.json',
    './usr/lib/cognitod/LICENSE',
    './usr/lib/cognitod/THIRD-PARTY-LICENSES.txt',
    './usr/lib/systemd/system/cognitod.service',
    './etc/cognitod/cognitod.yaml',
    './usr/share/doc/cognitod/copyright',
    './usr/share/bash-completion/completions/cognitod',
    './usr/share/zsh/vendor-completions/_cognitod',
    './usr/share/fish/vendor_completions.d/cognitod.fish',
  ])
    assert.ok(contents.includes(` ${path}\n`), path);
  assert.doesNotMatch(contents, /\.tsx?\n|testdata/);
  const packages = [...contents.matchAll(/node_modules\/((?:@[^/\n]+\/)?[^/@\n]+)\//g)].map(
    ([, name]) => name!,
  );
  assert.deepEqual([...new Set(packages)].sort(), [
    `@koromix/koffi-linux-${process.arch}`,
    ...EXTERNAL_PACKAGES,
  ]);
  for (const line of contents.trimEnd().split('\n')) assert.match(line, / root\/root /);
  const field = (name: string) =>
    execFileSync('dpkg-deb', ['--field', deb, name], { encoding: 'utf8' }).trim();
  assert.equal(field('Version'), VERSION);
  assert.match(field('Depends'), /\blibbpf1\b/);
  const { stdout } = spawnSync('dpkg-deb', ['--ctrl-tarfile', deb]);
  assert.equal(
    spawnSync('tar', ['-xOf', '-', './conffiles'], { input: stdout, encoding: 'utf8' }).stdout,
    '/etc/cognitod/cognitod.yaml\n',
  );
});

test('the same commit gives the same bytes', { skip }, async () => {
  const again = await buildDeb(join(folder, 'again'));
  const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
  assert.equal(digest(again), digest(deb));
});

test('what it installs runs without the checkout, with its own configuration', { skip }, () => {
  const cognitod = join(root, 'usr/bin/cognitod');
  assert.match(
    execFileSync(cognitod, ['version'], { encoding: 'utf8', cwd: '/' }),
    new RegExp(`\\b${VERSION}\\b`),
  );
  const config = join(root, 'etc/cognitod/cognitod.yaml');
  execFileSync(cognitod, ['agent', '--check-config', '--config', config], { cwd: '/' });
});

test('it is started with the options of the checkout, and keeps nothing compiled', { skip }, () => {
  const options = (file: string) => /^exec "[^"]+" (.*) "[^"]+" "\$@"$/m.exec(readFileSync(file, 'utf8'))![1];
  assert.equal(options(join(root, HOME, 'cognitod')), options(join(ROOT, 'cognitod')));
  for (const file of [join(root, HOME, 'cognitod'), UNIT])
    assert.doesNotMatch(readFileSync(file, 'utf8'), /COMPILE_CACHE|^CacheDirectory/m);
});

test('the licences of all that is in it are there', { skip }, () => {
  const text = readFileSync(join(root, HOME, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  for (const name of [...EXTERNAL_PACKAGES, 'fastify', 'preact', `node-linux-${process.arch}`])
    assert.match(text, new RegExp(`^npm ${name} `, 'm'));
});

/** As the unit does it, on other ports; `before` is put before the program. */
async function startAgent(
  t: TestContext,
  { before = [], env = {} }: { before?: string[]; env?: NodeJS.ProcessEnv },
) {
  const unit = readFileSync(UNIT, 'utf8');
  const ambient = /^AmbientCapabilities=(.*)$/m.exec(unit)![1]!.toLowerCase().split(' ');
  const names = ambient.map((name) => `+${name.replace('cap_', '')}`).join(',');
  const [program, ...options] = [
    ...before,
    'setpriv',
    ...[`--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', '--no-new-privs'],
    ...[`--bounding-set=-all,${names}`, `--inh-caps=-all,${names}`, `--ambient-caps=-all,${names}`],
    ...[join(root, 'usr/bin/cognitod'), 'agent', '--json', '--quiet'],
    ...['--config', join(root, 'etc/cognitod/cognitod.yaml')],
    ...['--api-listen', '127.0.0.1:0', '--ops-listen', '127.0.0.1:0'],
  ];
  const child = spawn(program!, options, {
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: '/usr/bin:/bin', ...env },
  });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  t.after(async () => {
    // All of its group: what a tracer leaves behind runs on.
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL');
    await ended;
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const started = await new Promise<{ apiAddress: string; opsAddress: string }>((resolve, reject) => {
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      const line = stdout.split('\n').find((one) => one.includes('"type":"started"'));
      if (line !== undefined) resolve(JSON.parse(line));
    });
    void ended.then((code) => reject(new Error(`the agent ended with ${code}: ${stderr}`)));
  });
  return { child, ended, api: started.apiAddress, ops: started.opsAddress };
}

test('as the user and with the capabilities of its unit the agent sees the node, and holds nothing', {
  skip: skip || cannotUseBpf(),
}, async (t) => {
  const { child, ended, api } = await startAgent(t, {});
  const status = (await (await fetch(`${api}/api/v1/status`)).json()) as StatusJson;
  assert.deepEqual([status.ready, status.collector.kind], [true, 'ebpf']);
  const { cap_effective, cap_permitted, cap_bounding, cap_ambient, uid, no_new_privs } = status.privileges;
  assert.deepEqual([cap_effective, cap_permitted, cap_bounding, cap_ambient], [[], [], [], []]);
  assert.deepEqual([uid, no_new_privs], [USER, true]);
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
});

test('traced from its start to its end', {
  skip: skip || cannotUseBpf() || (existsSync('/usr/bin/strace') ? false : 'strace is not installed'),
}, async (t) => {
  // Requests of each kind, comparisons with the kernel, the writing of evidence.
  const evidence = join(folder, 'evidence');
  mkdirSync(evidence);
  chownSync(evidence, USER, USER);
  const file = join(folder, 'strace');
  const { child, ended, api, ops } = await startAgent(t, {
    before: ['strace', '-f', '-y', '-o', file],
    env: { COGNITOD_EVIDENCE_DIRECTORY: evidence, COGNITOD_MODEL_HEAL_SECONDS: '1' },
  });
  const stream = await fetch(`${api}/events`);
  for (const path of ['/', '/api/v1/status', '/api/v1/processes', '/api/v1/evidence', '/api/v1/openapi.json'])
    assert.equal((await fetch(`${api}${path}`)).status, 200, path);
  assert.equal((await fetch(`${api}/api/v1/self-test`, { method: 'POST' })).status, 200);
  for (const path of ['/healthz', '/metrics']) assert.equal((await fetch(`${ops}${path}`)).status, 200);
  for (let i = 0; i < 100; i++) execFileSync('/bin/true');
  await sleep(5000);
  await stream.body?.cancel();
  // Not the tracer: the agent itself.
  process.kill(Number(/^(\d+) /.exec(readFileSync(file, 'utf8'))![1]), 'SIGTERM');
  assert.equal(await ended, 0, String(child.exitCode));
  const all = readFileSync(file, 'utf8').split('\n');
  const lines = all.slice(
    all.findIndex((line) => line.includes(`execve("${join(root, 'usr/bin/cognitod')}"`)),
  );

  await t.test(
    'all that is read with privileges belongs to root, and nobody else could change it or put it there',
    () => {
      const execs = lines.flatMap((line, index) =>
        line.includes(`execve("${join(root, HOME, 'bin/node')}"`) ? [index] : [],
      );
      // One Node with privileges, one without, and that of the self-test.
      assert.equal(execs.length, 3);
      // A place to which Landlock will allow writing is named, and not read.
      const isRead = (line: string) => !line.includes('O_PATH');
      const privileged = filesNamed(lines.slice(0, execs[1]).filter(isRead));
      const later = filesNamed(lines.slice(execs[1]));
      // That the look is not blind.
      for (const path of ['usr/bin/cognitod', `${HOME}/dist/main.js`, 'etc/cognitod/cognitod.yaml'])
        assert.ok(privileged.includes(join(root, path)), path);
      const own = later.filter((path) => path.startsWith(evidence));
      assert.ok(own.length > 0);
      assert.deepEqual(changeableByOthers(own, root), own);

      assert.deepEqual(changeableByOthers(privileged, root), []);
    },
  );

  await t.test('its unit forbids no system call that it makes', () => {
    const allowed = allowedSystemCalls(readFileSync(UNIT, 'utf8'));
    const calls = systemCalls(lines);
    for (const name of ['bpf', 'execve', 'pipe2', 'clone3', 'capset']) assert.ok(calls.includes(name), name);
    assert.deepEqual(
      calls.filter((name) => !allowed.has(name) && !DONE_WITHOUT.has(name)),
      [],
    );
  });
});

test('the table of groups has no call that systemd has not in them', {
  skip: existsSync('/usr/bin/systemd-analyze') ? false : 'systemd-analyze is not installed',
}, () => {
  const text = execFileSync('systemd-analyze', ['syscall-filter'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const groups = new Map(
    text.split('\n\n').map((part) => {
      const [name, ...members] = part.split('\n').filter((line) => !line.trimStart().startsWith('#'));
      return [name!, members.map((line) => line.trim()).filter((line) => line !== '')] as const;
    }),
  );
  const membersOf = (name: string): string[] =>
    groups.get(name)!.flatMap((member) => (member.startsWith('@') ? membersOf(member) : [member]));
  for (const [name, calls] of Object.entries(GROUPS)) {
    const theirs = new Set(membersOf(name));
    assert.deepEqual(
      calls.filter((one) => !theirs.has(one)),
      [],
      name,
    );
  }
});

test('systemd takes the unit, and finds little exposed', {
  skip: existsSync('/usr/bin/systemd-analyze') ? skip : 'systemd-analyze is not installed',
}, () => {
  const unit = join(folder, 'cognitod.service');
  // The program is not installed where the unit has it.
  writeFileSync(
    unit,
    readFileSync(UNIT, 'utf8').replace('=/usr/bin/cognitod', `=${join(root, 'usr/bin/cognitod')}`),
  );
  const verified = spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
  assert.deepEqual([verified.status, verified.stderr], [0, '']);
  const exposure = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=25', UNIT], {
    encoding: 'utf8',
  });
  assert.equal(exposure.status, 0, exposure.stdout);
});

test('lintian finds no error', {
  skip: existsSync('/usr/bin/lintian') ? skip : 'lintian is not installed (apt-get install lintian)',
}, () => {
  // The programs are those of other projects, as they published them; BPF is no machine's architecture.
  const known = ['embedded-library', 'unstripped-binary-or-object', 'binary-from-other-architecture'];
  const { stdout } = spawnSync(
    'lintian',
    ['--allow-root', '--fail-on=none', `--suppress-tags=${known.join(',')}`, deb],
    { encoding: 'utf8', timeout: 240_000 },
  );
  assert.deepEqual(
    stdout.split('\n').filter((line) => line.startsWith('E:')),
    [],
  );
});
