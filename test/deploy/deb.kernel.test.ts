// The package for plain hosts: built twice the same, unpacked, and the agent of it run as its unit would.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildDeb } from '../../scripts/build-deb.ts';
import type { StatusJson } from '../../src/api/index.ts';
import { VERSION } from '../../src/lib/version.ts';
import { cannotUseBpf } from '../support/observe.ts';

const UNIT = join(import.meta.dirname, '../../deploy/systemd/cognitod.service');
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
    './usr/lib/cognitod/src/main.ts',
    './usr/lib/cognitod/build/web/index.html',
    './usr/lib/cognitod/src/kernel/generated/lifecycle.bpf.o',
    './lib/systemd/system/cognitod.service',
    './etc/cognitod/cognitod.yaml',
    './usr/share/doc/cognitod/copyright',
    './usr/share/bash-completion/completions/cognitod',
    './usr/share/zsh/vendor-completions/_cognitod',
    './usr/share/fish/vendor_completions.d/cognitod.fish',
  ])
    assert.ok(contents.includes(` ${path}\n`), path);
  assert.doesNotMatch(
    contents,
    /src\/.*(\.test\.ts|testdata)|node_modules\/(typescript|fast-check|kubernetes-types|@biomejs)\//,
  );
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

test('as the user and with the capabilities of its unit the agent sees the node, and holds nothing', {
  skip: skip || cannotUseBpf(),
}, async (t) => {
  const unit = readFileSync(UNIT, 'utf8');
  const ambient = /^AmbientCapabilities=(.*)$/m.exec(unit)![1]!.toLowerCase().split(' ');
  const names = ambient.map((name) => `+${name.replace('cap_', '')}`).join(',');
  const child = spawn(
    'setpriv',
    [
      ...['--reuid=65533', '--regid=65533', '--clear-groups', '--no-new-privs'],
      ...[`--bounding-set=-all,${names}`, `--inh-caps=-all,${names}`, `--ambient-caps=-all,${names}`],
      ...[join(root, 'usr/bin/cognitod'), 'agent', '--json', '--quiet'],
      ...[
        '--config',
        join(root, 'etc/cognitod/cognitod.yaml'),
        '--api-listen',
        '127.0.0.1:0',
        '--ops-listen',
        '127.0.0.1:0',
      ],
    ],
    { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: '/usr/bin:/bin' } },
  );
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const api = await new Promise<string>((resolve, reject) => {
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
      const line = stdout.split('\n').find((one) => one.includes('"type":"started"'));
      if (line !== undefined) resolve(JSON.parse(line).apiAddress);
    });
    void ended.then((code) => reject(new Error(`the agent ended with ${code}: ${stderr}`)));
  });
  const status = (await (await fetch(`${api}/api/v1/status`)).json()) as StatusJson;
  assert.deepEqual([status.ready, status.collector.kind], [true, 'ebpf']);
  const { cap_effective, cap_permitted, cap_bounding, cap_ambient, uid, no_new_privs } = status.privileges;
  assert.deepEqual([cap_effective, cap_permitted, cap_bounding, cap_ambient], [[], [], [], []]);
  assert.deepEqual([uid, no_new_privs], [65533, true]);
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
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
  // The programs are those of other projects, as they published them; BPF is no machine's architecture; the sources run as they are.
  const known = [
    'embedded-library',
    'unstripped-binary-or-object',
    'binary-from-other-architecture',
    'missing-dep-for-interpreter',
  ];
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
