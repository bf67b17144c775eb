import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Surroundings } from './check.ts';
import { type FakeNode, fakeNode, find, limitsText, NO_AGENT } from './fake-node.fixture.ts';
import { KERNEL_CHECKS } from './kernel-checks.ts';
import { mountOf, PLACE_CHECKS } from './place-checks.ts';
import { judgeClock, RESOURCE_CHECKS } from './resource-checks.ts';

const CHECKS = [...KERNEL_CHECKS, ...PLACE_CHECKS, ...RESOURCE_CHECKS];
const check = (id: string) => CHECKS.find((one) => one.id === id);

/** One check on a node that `change` has made different: result and reason, with the directory as DIR. */
async function seen(
  t: TestContext,
  id: string,
  change: (node: FakeNode) => void = () => {},
  options: Parameters<FakeNode['surroundings']>[0] = {},
): Promise<string> {
  const node = fakeNode(t);
  change(node);
  return describe(await find(check(id), node.surroundings(options)), node);
}

const describe = ({ result, reason }: { result: string; reason: string }, { directory }: FakeNode) =>
  `${result}: ${reason.replaceAll(directory, 'DIR')}`;

const POLLING = { env: { COGNITOD_COLLECTOR: 'procfs' } };
const PROC_OF_POD = (node: FakeNode) => {
  node.link('own/self/ns/pid', 'pid:[4026532999]');
};

test('kernel: the first with a ring buffer is new enough', async (t) => {
  assert.equal(await seen(t, 'kernel', undefined, { kernelRelease: '5.8.0-rc1' }), 'ok: Linux 5.8.0-rc1');
  assert.match(
    await seen(t, 'kernel', undefined, { kernelRelease: '5.7.19' }),
    /^fail: .*no BPF ring buffer/,
  );
  assert.match(await seen(t, 'kernel', undefined, { ...POLLING, kernelRelease: '4.19.0' }), /^ok:/);
});

const BUILT = 'CONFIG_BPF_SYSCALL=y\nCONFIG_BPF_EVENTS=y\nCONFIG_BPF_JIT=y\nCONFIG_CGROUPS=y\nCONFIG_PSI=y\n';

test('kernel-config: what is off is told with what is lost, from either place', async (t) => {
  const gz = (text: string) => (node: FakeNode) => node.write('proc/config.gz', gzipSync(text));
  const boot = (text: string) => (node: FakeNode) => node.write('root/boot/config-6.1.0-18-amd64', text);
  assert.match(await seen(t, 'kernel-config', gz(BUILT)), /^ok: CONFIG_BPF_SYSCALL, .* are on$/);
  assert.match(await seen(t, 'kernel-config', boot(BUILT)), /^ok:/);
  assert.equal(
    await seen(
      t,
      'kernel-config',
      gz(BUILT.replace('CONFIG_BPF_SYSCALL=y', '# CONFIG_BPF_SYSCALL is not set')),
    ),
    'fail: CONFIG_BPF_SYSCALL is off: no BPF at all',
  );
  assert.equal(
    await seen(t, 'kernel-config', boot(BUILT.replace('CONFIG_PSI=y', ''))),
    'warn: CONFIG_PSI is off: nobody can tell who waits for CPU, memory and disk',
  );
  assert.match(await seen(t, 'kernel-config', gz('')), /^fail:/);
  assert.match(await seen(t, 'kernel-config'), /^skip: neither .*config.gz nor .*amd64 can be read$/);
});

test('btf: of the kernel, of a file, or none', async (t) => {
  const none = ({ directory }: FakeNode) => rmSync(join(directory, 'sys/kernel/btf'), { recursive: true });
  assert.equal(await seen(t, 'btf'), 'ok: DIR/sys/kernel/btf/vmlinux');
  assert.equal(await seen(t, 'btf', none), 'fail: DIR/sys/kernel/btf/vmlinux is not there');
  assert.equal(
    await seen(t, 'btf', none, { env: { COGNITOD_KERNEL_BTF: '/boot/x.btf' } }),
    'ok: from the file /boot/x.btf',
  );
  assert.match(await seen(t, 'btf', none, POLLING), /^skip: collector: procfs/);
});

test('lockdown: only confidentiality is in the way', async (t) => {
  const mode = (text: string) => (node: FakeNode) => node.write('sys/kernel/security/lockdown', text);
  assert.match(await seen(t, 'lockdown', mode('none [integrity] confidentiality')), /^ok: integrity/);
  assert.match(await seen(t, 'lockdown', mode('none integrity [confidentiality]')), /^warn: confidentiality/);
  assert.match(
    await seen(t, 'lockdown', ({ directory }) => rmSync(join(directory, 'sys/kernel/security/lockdown'))),
    /^skip:/,
  );
});

test('security-modules: modules, label and settings are told', async (t) => {
  const found = await seen(t, 'security-modules', (node) => {
    node.write('own/self/attr/current', 'cri-containerd.apparmor.d (enforce)\n');
    node.write('proc/sys/kernel/perf_event_paranoid', '4\n');
  });
  assert.match(
    found,
    /^ok: security modules lockdown,capability,yama; label cri-containerd.apparmor.d \(enforce\); seccomp filter; perf_event_paranoid 4 /,
  );
});

test('load and capabilities: not where it polls, and not beside an agent', async (t) => {
  for (const id of ['load', 'capabilities']) {
    assert.match(await seen(t, id, undefined, POLLING), /^skip: collector: procfs/);
    assert.match(await seen(t, id, undefined, { agent: NO_AGENT }), /^skip: the agent runs/);
  }
});

test('host-pid and host-proc: the node, the host’s /proc, a pod, a sidecar', async (t) => {
  const one = (node: FakeNode) => {
    PROC_OF_POD(node);
    node.process(50, { nsPids: [7] });
  };
  const both = (node: FakeNode) => {
    PROC_OF_POD(node);
    node.process(50, { nsPids: [50, 7] });
  };
  const sidecar = {
    env: { COGNITOD_COLLECTOR: 'procfs', COGNITOD_POD_UID: '0f5e6c1a-0000-4000-8000-00000000bbbb' },
  };
  assert.equal(await seen(t, 'host-pid'), "ok: the node's (hostPID)");
  assert.match(
    await seen(t, 'host-pid', both),
    /^ok: one of its own; the node's processes are seen in DIR\/proc/,
  );
  assert.match(await seen(t, 'host-pid', one), /^warn: one of its own/);
  assert.equal(await seen(t, 'host-pid', one, sidecar), "ok: its pod's, as a sidecar is");
  assert.equal(await seen(t, 'host-proc'), 'ok: 2 processes in DIR/proc');
  assert.match(await seen(t, 'host-proc', both), /^ok:/);
  assert.match(await seen(t, 'host-proc', one), /^fail: only the processes of the agent's own container/);
  assert.match(await seen(t, 'host-proc', one, POLLING), /^warn:/);
  assert.match(await seen(t, 'host-proc', one, sidecar), /^ok: .*as it should be in a sidecar$/);
});

test('host-proc: hidden processes, and none at all', async (t) => {
  const hidden = ({ directory }: FakeNode) => rmSync(join(directory, 'proc/1'), { recursive: true });
  const none = ({ directory }: FakeNode) => rmSync(join(directory, 'proc'), { recursive: true });
  assert.match(
    await seen(t, 'host-proc', hidden),
    /^fail: .*hides processes.*shows 1, and process 1 is none/,
  );
  assert.equal(await seen(t, 'host-proc', none), 'fail: DIR/proc shows no process');
});

test('host-sys: a sysfs, something else, or unknown', async (t) => {
  const mounted = (line: string) => (node: FakeNode) =>
    node.write('own/self/mountinfo', line.replace('DIR', node.directory));
  assert.equal(await seen(t, 'host-sys'), 'ok: sysfs at DIR/sys, read-only');
  assert.equal(
    await seen(t, 'host-sys', mounted('1 0 0:1 / / rw - ext4 /dev/vda rw\n')),
    'fail: there is no sysfs at DIR/sys, but ext4',
  );
  assert.match(await seen(t, 'host-sys', mounted('')), /^skip:/);
});

test('a path is on the deepest mount, of several on one point on the last', () => {
  const text = [
    '1 0 0:1 / / rw - ext4 /dev/vda rw',
    '2 1 0:2 / /host/sys rw,nosuid - tmpfs tmpfs rw',
    '3 2 0:3 / /host/sys ro,nosuid shared:7 - sysfs sysfs rw',
    '4 2 0:4 / /host/system rw - proc proc rw',
  ].join('\n');
  assert.deepEqual(mountOf(text, '/host/sys'), { type: 'sysfs', options: ['ro', 'nosuid'] });
  assert.equal(mountOf(text, '/host/system/x')?.type, 'proc');
  assert.equal(mountOf(text, '/srv')?.type, 'ext4');
  assert.equal(mountOf('', '/srv'), null);
});

test('cgroup-namespace and cgroups: what is not understood is shown', async (t) => {
  assert.match(await seen(t, 'cgroup-namespace'), /initial/);
  assert.match(
    await seen(t, 'cgroup-namespace', (node) => node.link('proc/50/ns/cgroup', 'cgroup:[4026532000]')),
    /of its own/,
  );
  const id = 'ab'.repeat(32);
  const pod = '/kubepods/burstable/pod0f5e6c1a-0000-4000-8000-00000000bbbb';
  const good = (node: FakeNode) => {
    node.process(60, { cgroup: `0::${pod}/${id}\n` });
    node.process(61, { cgroup: '0::/system.slice/ssh.service\n' });
    node.process(62, { cgroup: '' });
  };
  assert.equal(
    await seen(t, 'cgroups', good),
    'ok: 1 in containers, 0 in pods without container, 1 in units, 2 elsewhere, 1 gone or unreadable',
  );
  const claimed = (node: FakeNode) => {
    node.process(60, { cgroup: `0::/docker/${id}/kubelet${pod}/${id}\n` });
    node.process(61, { cgroup: `0::/user.slice/user-1000.slice/session-1.scope${pod}/${id}\n` });
    node.process(62, { cgroup: `0::/somewhere/${id}\n` });
  };
  assert.match(
    await seen(t, 'cgroups', claimed),
    /^ok: 1 in containers, 0 in pods .* unreadable; 2 with names that are only claimed: .*cgroup_roots$/,
  );
  const strange = (node: FakeNode) => node.process(60, { cgroup: '0::/kubepods-of-another-kind/x\n' });
  assert.match(
    await seen(t, 'cgroups', strange),
    /^warn: .*not understood: 0::\/kubepods-of-another-kind\/x$/,
  );
});

test('limits: few descriptors, and locked memory only where the kernel counts it', async (t) => {
  const set = (nofile: number, memlock: string) => (node: FakeNode) =>
    node.write('own/self/limits', limitsText(nofile, memlock));
  assert.match(await seen(t, 'limits'), /^ok: 20000 open files, 8388608 bytes/);
  assert.match(await seen(t, 'limits', set(256, 'unlimited')), /^warn: 256 open files/);
  const old = { kernelRelease: '5.10.0' };
  assert.match(
    await seen(t, 'limits', set(4096, '65536'), old),
    /^warn: .*before Linux 5.11 .*16777216 are needed$/,
  );
  assert.match(await seen(t, 'limits', set(4096, 'unlimited'), old), /^ok:/);
  assert.match(await seen(t, 'limits', set(4096, '65536'), { kernelRelease: '5.11.0' }), /^ok:/);
});

test('clock: never set, set meanwhile, not synchronised, unknown', () => {
  const now = new Date('2026-11-24T00:00:00Z');
  const synchronized = { synchronized: true, maxErrorUs: 1500 };
  const judge = (...args: Parameters<typeof judgeClock>) => {
    const { result, reason } = judgeClock(...args);
    return `${result}: ${reason.replace('2026-11-24T00:00:00.000Z', 'NOW')}`;
  };
  assert.equal(judge(now, synchronized, null), 'ok: NOW; synchronised, 1.5 ms off at most');
  assert.match(judge(now, synchronized, 0), /not set since the agent started; synchronised/);
  assert.match(judge(now, synchronized, -3600), /^warn: NOW; the clock was set by -3600.0 s since/);
  assert.match(judge(now, { synchronized: false, maxErrorUs: 0 }, 0), /^warn: .*not synchronised$/);
  assert.match(judge(now, null, 0), /^ok: .*does not tell here$/);
  assert.match(judge(new Date('1970-01-01T00:00:07Z'), synchronized, 0), /^fail: the clock says 1970/);
});

test('disk: nothing is kept, not there yet, or room', async (t) => {
  const evidence = (path: string) => ({ env: { COGNITOD_EVIDENCE_DIRECTORY: path } });
  assert.match(await seen(t, 'disk'), /^ok: nothing is kept/);
  assert.match(await seen(t, 'disk', undefined, evidence('/nowhere/at/all')), /^warn: .*not there yet$/);
  assert.match(await seen(t, 'disk', undefined, evidence('/')), /MiB free at \/$/);
});

test('no check of the node throws where there is nothing to read', async (t) => {
  const node = fakeNode(t);
  for (const name of ['proc', 'sys', 'own']) rmSync(join(node.directory, name), { recursive: true });
  const surroundings: Surroundings = node.surroundings({ agent: NO_AGENT });
  for (const one of CHECKS.filter(({ id }) => id !== 'security-modules'))
    assert.ok((await find(one, surroundings)).reason.length > 0, one.id);
});
