// The security profiles: the real agent runs under the seccomp profile, and what it has no use for is refused there.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ALLOWED, CONDITIONAL, UNKNOWN } from '../../src/os/system-calls.ts';
import { landlockVersion } from '../../src/os/index.ts';
import { missingIn, type SelfTestJson } from '../../src/api/index.ts';
import { startAgent } from '../support/agent.ts';
import { cannotUseBpf } from '../support/observe.ts';
import { openContained } from './contained.ts';

const PROFILES = join(import.meta.dirname, '../../deploy/profiles');
const seccomp = JSON.parse(readFileSync(join(PROFILES, 'seccomp.json'), 'utf8'));
const skip =
  cannotUseBpf() || (existsSync('/usr/sbin/runc') ? false : 'runc is not installed (scripts/setup test)');
const B = ['BPF', 'PERFMON'];

// Without no_new_privs runc installs the filter before it drops capabilities itself: it needs more calls then.
for (const [variant, capabilities, noNewPrivileges] of [
  ['B as root', B, true],
  ['B where the filter comes before runc has given up its own', B, false],
  ['A with the bounding set emptied', [...B, 'SETPCAP'], true],
] as const) {
  test(`the agent starts, sees and ends under its seccomp profile: ${variant}`, { skip }, async (t) => {
    const contained = openContained({ capabilities, noNewPrivileges, seccomp });
    t.after(() => contained.close());
    const agent = await startAgent({ prefix: contained.prefix });
    t.after(() => agent.stop());
    const before = await agent.status();
    assert.deepEqual([before.ready, before.collector.kind], [true, 'ebpf']);
    assert.equal(before.privileges.seccomp, 'filter');
    assert.deepEqual(before.privileges.cap_effective, []);
    assert.deepEqual(before.privileges.cap_permitted, []);
    // Its own filter and Landlock on top.
    assert.deepEqual(before.privileges.confinement, {
      system_calls: true,
      landlock: landlockVersion(),
      missing: [],
    });
    if (capabilities.length > B.length) assert.deepEqual(before.privileges.cap_bounding, []);
    const selfTest = await fetch(`${agent.api}/api/v1/self-test`, { method: 'POST' });
    const { ok, reason } = (await selfTest.json()) as SelfTestJson;
    assert.ok(ok, reason);
    for (let i = 0; i < 20; i++) spawnSync('/bin/true');
    assert.match(await agent.metrics(), /cognitod_/);
    const { code, ledger } = await agent.stop();
    assert.equal(code, 0);
    assert.ok(ledger!.exec.decoded >= 20);
    assert.deepEqual([missingIn(ledger!), ledger!.exec.pending], [0, 0]);
  });
}

test('what the agent still allows itself after the start, the profile allows', () => {
  const names = (action: string) =>
    seccomp.syscalls
      .filter((rule: { action: string }) => rule.action === action)
      .flatMap((rule: { names: string[] }) => rule.names);
  const allowed = new Set(names('SCMP_ACT_ALLOW'));
  const own = [...ALLOWED, ...CONDITIONAL.map(({ name }) => name)];
  assert.deepEqual(
    own.filter((name) => !allowed.has(name)),
    [],
  );
  assert.deepEqual(UNKNOWN, names('SCMP_ACT_ERRNO'));
  const commands = seccomp.syscalls
    .filter((rule: { names: string[] }) => rule.names.includes('bpf'))
    .map((rule: { args: { value: number }[] }) => rule.args[0]!.value);
  const readOnly = CONDITIONAL.find(({ name }) => name === 'bpf')!.argument.in!;
  assert.ok(readOnly.length < commands.length && readOnly.every((command) => commands.includes(command)));
});

test('clients run under it too', { skip }, async (t) => {
  const agent = await startAgent();
  t.after(() => agent.stop());
  const contained = openContained({ capabilities: [], noNewPrivileges: true, seccomp });
  t.after(() => contained.close());
  const [command, ...prefix] = contained.prefix;
  const cognitod = join(import.meta.dirname, '../../cognitod');
  const status = spawnAsync(command!, [...prefix, cognitod, 'status', '--json', '--api', agent.api]);
  assert.equal(JSON.parse((await status).stdout).ready, true);
});

test('without bpf in the profile the agent runs, and says that it does not see the whole node', {
  skip,
}, async (t) => {
  const without = {
    ...seccomp,
    syscalls: seccomp.syscalls.filter(({ names }: { names: string[] }) => !names.includes('bpf')),
  };
  const contained = openContained({ capabilities: B, noNewPrivileges: true, seccomp: without });
  t.after(() => contained.close());
  const agent = await startAgent({ prefix: contained.prefix });
  t.after(() => agent.stop());
  const { ready, collector } = await agent.status();
  assert.deepEqual([ready, collector.kind], [false, 'procfs']);
});

for (const command of [
  'unshare -n true',
  'unshare -U true',
  'mount -t tmpfs none /dev',
  'dmesg',
  'chroot / true',
]) {
  test(`all capabilities give «${command}», but not under the profile`, { skip }, async (t) => {
    const capabilities = ['SYS_ADMIN', 'SYS_CHROOT', 'SYSLOG', 'SYS_PTRACE', 'BPF', 'PERFMON'];
    const run = async (profile: object | undefined) => {
      const contained = openContained({ capabilities, noNewPrivileges: true, seccomp: profile });
      t.after(() => contained.close());
      const [program, ...prefix] = contained.prefix;
      return spawnAsync(program!, [...prefix, '/bin/sh', '-c', command]);
    };
    assert.equal((await run(undefined)).code, 0);
    const { code, stderr } = await run(seccomp);
    assert.notEqual(code, 0);
    assert.match(stderr, /Operation not permitted|permission denied/);
  });
}

function spawnAsync(command: string, args: string[]) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  return new Promise<{ code: number | null } & typeof output>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...output }));
  });
}

test('the seccomp profile allows no call that changes other processes or the system', () => {
  const allowed = new Set(
    seccomp.syscalls
      .filter(({ action }: { action: string }) => action === 'SCMP_ACT_ALLOW')
      .flatMap(({ names }: { names: string[] }) => names),
  );
  const never =
    'ptrace process_vm_readv process_vm_writev mount umount2 pivot_root chroot unshare setns keyctl add_key init_module finit_module delete_module kexec_load reboot swapon perf_event_open io_uring_setup io_uring_enter userfaultfd personality open_by_handle_at sethostname settimeofday clock_settime syslog acct quotactl iopl pidfd_getfd process_madvise';
  assert.deepEqual(
    never.split(' ').filter((name) => allowed.has(name)),
    [],
  );
  assert.equal(seccomp.defaultAction, 'SCMP_ACT_ERRNO');
});

const build = mkdtempSync(join(tmpdir(), 'cognitod-profiles-'));
after(() => rmSync(build, { recursive: true, force: true }));

function compile(t: { skip(reason: string): void }, program: string, ...args: string[]): void {
  const result = spawnSync(program, args, { encoding: 'utf8' });
  if ((result.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    t.skip(`${program} is not installed (scripts/setup test)`);
  else assert.equal(result.status, 0, `${program}: ${result.stderr}`);
}

test('the AppArmor profile compiles', (t) => {
  compile(t, '/usr/sbin/apparmor_parser', '--skip-kernel-load', '--skip-cache', join(PROFILES, 'apparmor'));
});

test('the SELinux module compiles', (t) => {
  const output = join(build, 'cognitod.mod');
  compile(t, '/usr/bin/checkmodule', '-M', '-m', '-o', output, join(PROFILES, 'selinux/cognitod.te'));
  if (existsSync(output))
    compile(t, '/usr/bin/semodule_package', '-o', join(build, 'cognitod.pp'), '-m', output);
});
