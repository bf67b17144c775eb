// The image of this checkout: what is in it, that it is reproducible, and how it runs in a real containerd.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { build } from '../../scripts/image/build.ts';
import { listLayer, readArchive } from '../../scripts/image/oci.ts';
import { type Containerd, cannotRunContainerd, startContainerd } from '../e2e/containerd.ts';
import { openStream } from '../support/agent.ts';
import { cannotUseBpf } from '../support/observe.ts';
import { ARCH, builtImage, cannotBuildImage, removeBuiltImages } from './built.ts';
import { assertOtherPodIsSeen } from './burst.ts';
import { importImage, runAgent, runImage, runToEnd } from './contained.ts';

const skip = cannotUseBpf() || cannotRunContainerd() || cannotBuildImage();
const BOTH = ['BPF', 'PERFMON'];
const USER = 65532;
/** VFS_CAP_REVISION_2 without the effective flag, CAP_PERFMON and CAP_BPF permitted (linux/capability.h). */
const PERMITTED = '000000020001080000000000c000000000000000';
const HOST_PROC = [{ container_path: '/host/proc', host_path: '/proc', readonly: true }];

after(removeBuiltImages);

describe('the image', { skip, timeout: 120_000 }, () => {
  test('has two programs, Node and the loader, and no shell', async () => {
    const { archive } = await builtImage('agent');
    const programs = listLayer(archive).filter(({ type, mode }) => type === 'file' && (mode & 0o111) !== 0);
    assert.deepEqual(programs.map(({ path }) => path.replace(/^.*\/ld-linux-[^/]+$/, 'ld-linux')).sort(), [
      'ld-linux',
      'opt/cognitod/bin/node',
      'opt/cognitod/dist/main.js',
    ]);
    const setuid = listLayer(archive).filter(({ mode, type }) => type === 'file' && (mode & 0o6000) !== 0);
    assert.deepEqual(setuid, []);
  });

  test('carries file capabilities in its layer, permitted and not effective, on Node alone', async () => {
    const { archive } = await builtImage('agent');
    const capable = listLayer(archive).filter(({ capability }) => capability !== null);
    assert.deepEqual(
      capable.map(({ path, capability }) => [path, capability]),
      [['opt/cognitod/bin/node', PERMITTED]],
    );
  });

  test('says what it is, and runs as a user', async () => {
    const { archive } = await builtImage('agent');
    const { config } = readArchive(archive);
    assert.equal(config.architecture, ARCH);
    assert.equal(config.config.User, '65532:65532');
    assert.equal(config.config.StopSignal, 'SIGTERM');
    assert.deepEqual(config.config.Cmd, ['agent']);
    assert.equal(config.config.Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
    assert.equal(
      new Date(config.created).getTime(),
      Date.parse(config.config.Labels['org.opencontainers.image.created']!),
    );
  });

  test('has a bill of materials that names all that is in it', async () => {
    const { archive, sbom } = await builtImage('agent');
    const { components } = JSON.parse(readFileSync(sbom, 'utf8')) as {
      components: { name: string; group?: string; version: string; purl: string; licenses?: object[] }[];
    };
    const purls = components.map(({ purl }) => purl);
    assert.equal(new Set(purls).size, components.length);
    for (const component of components) assert.ok(component.licenses?.length, component.name);
    const paths = listLayer(archive).map(({ path }) => path);
    const packages = paths.flatMap((path) => /^var\/lib\/dpkg\/status\.d\/([^/]+)$/.exec(path)?.[1] ?? []);
    assert.ok(packages.includes('libbpf1') && packages.includes('libc6'));
    for (const name of packages)
      assert.ok(
        purls.some(
          (purl) =>
            purl.startsWith(`pkg:deb/debian/${name}@`) ||
            purl.startsWith(`pkg:deb/debian/${encodeURIComponent(name)}@`),
        ),
        name,
      );
    const modules = paths.flatMap(
      (path) => /^opt\/cognitod\/node_modules\/((?:@[^/]+\/)?[^/@]+)\/package\.json$/.exec(path)?.[1] ?? [],
    );
    assert.deepEqual(modules.length, 3);
    for (const name of ['zod', 'fastify', ...modules])
      assert.ok(
        components.some(({ group, name: base }) => [group, base].filter(Boolean).join('/') === name),
        name,
      );
    // Only what is there: neither development packages nor another architecture's.
    assert.ok(!components.some(({ name }) => ['typescript', 'esbuild', 'fast-check'].includes(name)));
  });

  test('gets the same digest in another place, at another time, under another umask', async () => {
    const first = await builtImage('agent');
    const output = mkdtempSync(join(tmpdir(), 'cognitod-again-'));
    const before = process.umask(0o077);
    try {
      const again = await build({ arch: ARCH, variant: 'agent', tag: 'test', output, newest: first.newest });
      assert.equal(again.digest, first.digest);
    } finally {
      process.umask(before);
      rmSync(output, { recursive: true, force: true });
    }
  });
});

describe('in containerd', { skip, timeout: 180_000 }, () => {
  let containerd: Containerd;
  let image: string;
  let sidecar: string;
  before(async () => {
    containerd = await startContainerd({ names: 'cgroupfs', view: 'hybrid' });
    for (const variant of ['agent', 'sidecar'] as const) {
      const { archive, reference } = await builtImage(variant);
      importImage(containerd, archive);
      if (variant === 'agent') image = reference;
      else sidecar = reference;
    }
  });
  after(() => containerd?.close());

  test('file capabilities arrive in the unpacked image', () => {
    const snapshots = join(
      dirname(containerd.socket),
      'root/io.containerd.snapshotter.v1.overlayfs/snapshots',
    );
    const nodes = readdirSync(snapshots).map((id) => join(snapshots, id, 'fs/opt/cognitod/bin/node'));
    const told = execFileSync('sh', ['-c', 'getcap "$@" 2>/dev/null || :', 'sh', ...nodes], {
      encoding: 'utf8',
    });
    assert.match(told.trim(), /^\S+node cap_setpcap,cap_sys_ptrace,cap_perfmon,cap_bpf=p$/);
  });

  test('tells its version, from its entry point and as a command', async () => {
    for (const run of [
      { args: ['version'] },
      { command: ['/opt/cognitod/bin/cognitod', 'version'] },
      { command: ['cognitod', 'version'] },
    ]) {
      const { code, stdout, stderr } = await runToEnd(containerd, { image, ...run });
      assert.equal(code, 0, stderr.join('\n'));
      assert.match(stdout[0]!, /^cognitod \d+\.\d+\.\d+ /);
    }
  });

  test('has no shell to exec', async () => {
    for (const shell of ['/bin/sh', '/bin/bash', '/bin/busybox', 'sh'])
      await assert.rejects(
        runToEnd(containerd, { image, command: [shell, '-c', 'true'] }),
        /no such file|not found/,
      );
  });

  for (const { name, ...run } of [
    {
      name: 'root with BPF and PERFMON',
      security: { capabilities: BOTH, user: 0, readOnlyRoot: true },
      hostPid: true,
    },
    {
      name: 'uid 65532 with BPF and PERFMON',
      security: { capabilities: BOTH, readOnlyRoot: true },
      hostPid: true,
    },
    {
      // The runtime's own process has them when it execs Node, so that no_new_privs has nothing to forbid.
      name: 'uid 65532 with BPF and PERFMON, allowPrivilegeEscalation false',
      security: { capabilities: BOTH, user: USER, readOnlyRoot: true, noNewPrivileges: true },
      hostPid: true,
    },
    {
      name: 'uid 65532 in a pid namespace of its own',
      security: { capabilities: BOTH, user: USER, readOnlyRoot: true },
      args: ['--proc-root', '/host/proc'],
      mounts: HOST_PROC,
    },
  ]) {
    test(`${name}: every process of another pod is told, and nothing is held`, async (t) => {
      const agent = await runAgent(containerd, { image, ...run });
      t.after(() => agent.stop());
      const { collector, privileges, ready } = await agent.status();
      assert.equal(collector.kind, 'ebpf', collector.reason);
      assert.equal(ready, true);
      assert.equal(privileges.uid, name.startsWith('root') ? 0 : USER);
      assert.deepEqual([privileges.cap_effective, privileges.cap_permitted], [[], []]);
      assert.equal(privileges.seccomp, 'filter');
      const stream = await openStream(agent);
      t.after(() => stream.stop());
      await assertOtherPodIsSeen(containerd, stream);
    });
  }

  for (const { name, missing, security } of [
    { name: 'without capabilities', missing: 'CAP_BPF', security: { capabilities: [] } },
    { name: 'without PERFMON', missing: 'CAP_PERFMON', security: { capabilities: ['BPF'] } },
    {
      name: 'as a user without capabilities',
      missing: 'CAP_BPF',
      security: { capabilities: [], user: USER },
    },
  ]) {
    test(`${name} it goes on by polling /proc, is not ready and says why`, async (t) => {
      const agent = await runAgent(containerd, { image, security, hostPid: true });
      t.after(() => agent.stop());
      await agent.until('stderr', new RegExp(`NOT the whole node is seen.*${missing}`));
      const { collector } = await agent.status();
      assert.equal(collector.kind, 'procfs');
      assert.equal((await agent.ready()).status, 503);
      const { status } = await containerd.cri.call('ContainerStatus', { container_id: agent.containerId });
      assert.equal((status as { state: string | number }).state, 1, 'it runs');
    });
  }

  test('a configuration file is read, and a wrong one ends it with its reason', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'cognitod-config-'));
    try {
      cpSync(join(import.meta.dirname, '../../deploy/cognitod.yaml'), join(directory, 'cognitod.yaml'));
      execFileSync('chmod', ['-R', 'a+rX', directory]);
      const mounts = [{ container_path: '/etc/cognitod', host_path: directory, readonly: true }];
      const args = ['agent', '--check-config', '--config', '/etc/cognitod/cognitod.yaml'];
      const good = await runToEnd(containerd, { image, args, mounts });
      assert.equal(good.code, 0, good.stderr.join('\n'));
      const bad = await runToEnd(containerd, { image, args, mounts, env: { COGNITOD_COLLECTOR: 'magic' } });
      assert.notEqual(bad.code, 0);
      assert.match(bad.stderr.join('\n'), /collector/);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test('the sidecar has neither libbpf, kernel objects nor file capabilities', async () => {
    const { archive } = await builtImage('sidecar');
    const layer = listLayer(archive);
    assert.deepEqual(
      layer.filter(({ path }) => /bpf|libelf/.test(path)),
      [],
    );
    assert.deepEqual(
      layer.filter(({ capability }) => capability !== null),
      [],
    );
  });

  test('the sidecar sees the processes of its own pod and no others', async (t) => {
    const { cri } = containerd;
    const agent = await runAgent(containerd, {
      image: sidecar,
      sharePid: true,
      security: { capabilities: ['SYS_PTRACE'], user: 0, readOnlyRoot: true },
    });
    t.after(() => agent.stop());
    const beside = await cri.createContainer(agent.pod, {
      name: 'app',
      image: 'localhost/burst:1',
      command: ['/bin/sh', '-c', 'while :; do /bin/sleep 1; done'],
    });
    await cri.startContainer(beside);
    const stranger = await runImage(containerd, {
      image: 'localhost/burst:1',
      command: ['/bin/sleep', '4242'],
    });
    t.after(() => stranger.stop());
    const { collector, ready } = await agent.status();
    assert.equal(collector.kind, 'procfs');
    assert.equal(ready, false);
    const list = async () =>
      (
        (await (await fetch(`${agent.api}/api/v1/processes`)).json()) as {
          processes: { comm: string; argv: string[] | null }[];
        }
      ).processes;
    for (const until = Date.now() + 10_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
      const seen = (await list()).map(({ comm }) => comm);
      if (seen.includes('sleep')) break;
      assert.ok(Date.now() < until, `sleep is not among ${seen}`);
    }
    const all = await list();
    assert.ok(!all.some(({ argv }) => argv?.includes('4242')), 'another pod is seen');
    assert.ok(all.length <= 6, `pause, the app, the sidecar: ${all.map(({ comm }) => comm)}`);
  });
});
