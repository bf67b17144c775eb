// The doctor finds a healthy agent healthy, and each broken place with the right reason.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { CHECK_IDS } from '../src/doctor/index.ts';
import { runCognitod, startAgent } from './support/agent.ts';
import { canaryIsTold, beforeInstall, examine, found, scratch } from './support/doctor.ts';
import { ownNamespaces } from './support/namespaces.ts';
import { cannotUseBpf } from './support/observe.ts';
import { PATIENCE } from './support/patience.ts';
import { runWorkload } from './support/workload.ts';

const skip = cannotUseBpf();
const withOnly = (capabilities: string) => [
  'setpriv',
  '--inh-caps=-all',
  `--bounding-set=-all,${capabilities}`,
];

test('every check is documented', () => {
  const page = readFileSync(join(import.meta.dirname, '../docs/doctor.md'), 'utf8');
  const documented = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1]);
  assert.deepEqual(documented, CHECK_IDS);
});

test('a healthy agent passes, and its canary is told with fork, exec and exit', { skip }, async (t) => {
  const agent = await startAgent({ args: ['--collector', 'ebpf'] });
  t.after(() => agent.kill('SIGKILL'));
  const { code, checks } = await examine(['--api', agent.api]);
  assert.deepEqual(
    Object.entries(checks).filter(([, { result }]) => result === 'fail'),
    [],
  );
  assert.equal(code, 0);
  canaryIsTold(checks);
  found(checks, 'privileges', 'ok', /^no capability in any thread; uid 0.*task shows the same$/);
  found(checks, 'hooks', 'ok', /sched_process_fork \(\d+, [0-9a-f]{16}\).*its descriptors show the same$/);
  found(checks, 'cgroups', 'ok', /\d+ in containers/);
  await agent.stop();
});

test('before the installation nothing stays in the kernel, and a manifest is made', { skip }, async () => {
  const { code, checks } = await beforeInstall();
  assert.equal(code, 0);
  found(checks, 'load', 'ok', /loaded, attached as tp_btf, and taken off again/);
  found(checks, 'agent', 'skip', /before the installation/);
  const { stdout } = await runCognitod(['doctor', '--manifest']);
  assert.match(stdout, /^# B unprivileged: possible; /m);
  assert.match(stdout, /^ +- PERFMON$/m);
});

test('no agent', { skip }, async () => {
  const { code, checks } = await examine(['--api', 'http://127.0.0.1:9']);
  assert.equal(code, 1);
  found(checks, 'agent', 'fail', /does not answer: .*ECONNREFUSED|does not answer/);
  found(checks, 'canary', 'skip', /does not answer/);
});

test('an agent that is stopped', { skip }, async (t) => {
  const agent = await startAgent({ args: ['--collector', 'ebpf'] });
  t.after(() => agent.kill('SIGKILL'));
  agent.kill('SIGSTOP');
  const { code, checks } = await examine(['--api', agent.api]);
  assert.equal(code, 1);
  found(checks, 'agent', 'fail', /no answer within 5 s/);
  agent.kill('SIGCONT');
  await agent.stop();
});

test('an agent that polls', { skip }, async (t) => {
  const agent = await startAgent({ args: ['--collector', 'procfs'] });
  t.after(() => agent.kill('SIGKILL'));
  const { code, checks } = await examine(['--api', agent.api]);
  assert.equal(code, 1);
  found(checks, 'ready', 'fail', /short-lived processes are missed/);
  found(checks, 'hooks', 'warn', /none: polling/);
  await agent.stop();
});

test('an agent that keeps its privileges', { skip }, async (t) => {
  const agent = await startAgent({
    args: ['--collector', 'ebpf'],
    env: { COGNITOD_PRIVILEGES_DROP: 'false' },
  });
  t.after(() => agent.kill('SIGKILL'));
  const { checks } = await examine(['--api', agent.api]);
  found(checks, 'privileges', 'fail', /it kept CAP_CHOWN/);
  await agent.stop();
});

test('an agent that has lost events', { skip }, async (t) => {
  const agent = await startAgent({
    args: ['--collector', 'ebpf'],
    env: { COGNITOD_KERNEL_RING_BYTES: '16KiB' },
  });
  t.after(() => agent.kill('SIGKILL'));
  agent.kill('SIGSTOP');
  await runWorkload('execs', 500);
  agent.kill('SIGCONT');
  while ((await agent.ready()).status === 200) await new Promise((resolve) => setTimeout(resolve, 100));
  const { code, checks } = await examine(['--api', agent.api]);
  assert.equal(code, 1);
  found(checks, 'ledger', 'warn', /^\d{3,} of \d+ events/);
  found(checks, 'ready', 'fail', /lost/);
  await agent.stop();
});

test('a wrong token', { skip }, async (t) => {
  const agent = await startAgent({
    args: ['--collector', 'ebpf'],
    env: { COGNITOD_API_TOKEN: 'the-right-one' },
  });
  t.after(() => agent.kill('SIGKILL'));
  const { checks } = await examine(['--api', agent.api], { env: { COGNITOD_TOKEN: 'another-one' } });
  found(checks, 'agent', 'fail', /token/);
  await agent.stop();
});

for (const [missing, there] of [
  ['CAP_BPF', '+perfmon'],
  ['CAP_PERFMON', '+bpf'],
] as const) {
  test(`${missing} is missing`, { skip }, async () => {
    const { code, checks } = await beforeInstall({ prefix: withOnly(there) });
    assert.equal(code, 1);
    found(
      checks,
      'capabilities',
      'fail',
      new RegExp(`^${missing} missing \\(${missing} not even in the bounding set`),
    );
    found(checks, 'load', 'fail', new RegExp(`${missing} is missing`));
  });
}

test('a seccomp filter refuses bpf', { skip }, async (t) => {
  const program = join(scratch(t), 'without-bpf');
  execFileSync('gcc', ['-O2', '-Wall', '-o', program, join(import.meta.dirname, 'security/without-bpf.c')]);
  const { checks } = await beforeInstall({ prefix: [program] });
  found(checks, 'capabilities', 'ok', /are there/);
  found(checks, 'load', 'fail', /although the capabilities are there: the seccomp filter of this process/);
  found(checks, 'security-modules', 'ok', /seccomp filter/);
  const { stdout } = await runCognitod(['doctor', '--manifest'], { prefix: [program] });
  assert.match(stdout, /^# B unprivileged: NOT possible; no BPF: .*seccomp filter/m);
  assert.doesNotMatch(stdout, /DaemonSet/);
});

test('no BTF', { skip }, async (t) => {
  const { checks } = await beforeInstall({ env: { COGNITOD_SYS_ROOT: scratch(t) } });
  found(checks, 'btf', 'fail', /kernel\/btf\/vmlinux is not there/);
});

test('neither hostPID nor the /proc of the host', { skip }, async () => {
  const { checks } = await beforeInstall({ prefix: ownNamespaces({ pids: true, cgroups: true }) });
  found(checks, 'host-proc', 'fail', /only the processes of the agent's own container/);
  found(checks, 'cgroup-namespace', 'ok', /relative to it/);
});

test('no procfs where one should be', { skip }, async (t) => {
  const { checks } = await beforeInstall({ env: { COGNITOD_PROC_ROOT: scratch(t) } });
  found(checks, 'host-proc', 'fail', /shows no process/);
});

test('the socket of the runtime is mute, speaks something else, or refuses', { skip }, async (t) => {
  const path = join(scratch(t), 'containerd.sock');
  let answer = '';
  const server = createServer((socket) => void socket.on('error', () => {}).write(answer)).listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  const mute = await beforeInstall({ env: { COGNITOD_RUNTIME_CRI: path } });
  found(mute.checks, 'runtime', 'warn', /does not answer: Version took more than 2000 ms/);
  answer = 'HTTP/1.1 400 Bad Request\r\n\r\n';
  const other = await beforeInstall({ env: { COGNITOD_RUNTIME_CRI: path } });
  found(other.checks, 'runtime', 'warn', /does not answer/);
  // Another user's socket: an agent that is not root cannot write to it.
  execFileSync('chmod', ['000', path]);
  execFileSync('chmod', ['755', dirname(path)]);
  const prefix = ['setpriv', '--reuid', '65532', '--clear-groups', '--inh-caps=-all'];
  const { checks } = await beforeInstall({ prefix, env: { COGNITOD_RUNTIME_CRI: path } });
  found(checks, 'runtime', 'warn', /may not connect to/);
});

test('a /proc that hides processes', { skip }, async (t) => {
  const directory = scratch(t);
  execFileSync('chmod', ['755', directory]);
  // Mounted in a namespace of its own, which ends with the program.
  const mount = `mount -t proc -o hidepid=2 proc '${directory}' && exec "$@"`;
  const user = ['setpriv', '--reuid', '65532', '--regid', '65532', '--clear-groups', '--inh-caps=-all'];
  const prefix = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', mount, 'sh', ...user];
  const { checks } = await beforeInstall({ prefix, env: { COGNITOD_PROC_ROOT: directory } });
  found(checks, 'host-proc', 'fail', /hides processes from uid 65532: it shows 1, and process 1 is none/);
});

test('before the installation no token is asked for', { skip }, async (t) => {
  const { code } = await beforeInstall({ env: { COGNITOD_API_TOKEN_FILE: join(scratch(t), 'none') } });
  assert.equal(code, 0);
});

test('an event stream that never begins does not hold the doctor', { skip }, async (t) => {
  const agent = await startAgent({ args: ['--collector', 'ebpf'] });
  t.after(() => agent.kill('SIGKILL'));
  const status = JSON.stringify(await agent.status());
  const server = createHttpServer((request, response) => {
    const isStatus = request.url?.startsWith('/api/v1/status') === true;
    response.writeHead(200, { 'content-type': isStatus ? 'application/json' : 'text/event-stream' });
    if (isStatus) response.end(status);
    else response.flushHeaders();
  }).listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const began = performance.now();
  const { port } = server.address() as AddressInfo;
  const { checks } = await examine(['--api', `http://127.0.0.1:${port}`]);
  found(checks, 'canary', 'fail', /its event stream does not begin/);
  assert.ok(performance.now() - began < 9_000 * PATIENCE);
  await agent.stop();
});

test('a Kubernetes API that hangs does not hold the doctor', { skip }, async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const kubeconfig = join(scratch(t), 'kubeconfig');
  const cluster = { name: 'c', cluster: { server: `http://127.0.0.1:${port}` } };
  const user = { name: 'u', user: { token: 't' } };
  const context = { name: 'c', context: { cluster: 'c', user: 'u' } };
  const content = { clusters: [cluster], users: [user], contexts: [context], 'current-context': 'c' };
  writeFileSync(kubeconfig, JSON.stringify({ apiVersion: 'v1', kind: 'Config', ...content }));
  const began = performance.now();
  const { checks } = await beforeInstall({ env: { COGNITOD_KUBERNETES_API: kubeconfig } });
  found(checks, 'permissions', 'warn', /no answer in 7000 ms/);
  assert.ok(performance.now() - began < 12_000 * PATIENCE);
});

test('a full disk', { skip }, async (t) => {
  const directory = join(scratch(t), 'state');
  mkdirSync(directory);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
  try {
    const { checks } = await beforeInstall({ env: { COGNITOD_EVIDENCE_DIRECTORY: directory } });
    found(checks, 'disk', 'warn', /^[01] MiB free/);
  } finally {
    execFileSync('umount', ['-l', directory]);
  }
});
