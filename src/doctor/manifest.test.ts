import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { findProblems } from '../../test/deploy/kubernetes-schema.ts';
import type { Manifest } from '../../test/deploy/rendered.ts';
import type { Check } from './check.ts';
import { type FakeNode, fakeNode } from './fake-node.fixture.ts';
import { KERNEL_CHECKS } from './kernel-checks.ts';
import { manifestOf } from './manifest.ts';
import { factsOf } from './node-facts.ts';
import { runChecks } from './run-checks.ts';

/** As if the programs had been loaded: a fake node has no kernel. */
const LOADED: readonly Check[] = ['capabilities', 'load'].map((id) => ({
  id,
  title: '',
  run: () => ({ result: 'ok', reason: 'loaded', fix: null }),
}));

interface Made {
  readonly text: string;
  readonly objects: readonly Manifest[];
  /** `A possible`, … */
  readonly models: readonly string[];
  /** The template of the DaemonSet's pods, and its container. */
  readonly pod: Manifest['spec'];
  readonly container: Manifest['spec'];
}

async function make(
  t: TestContext,
  change: (node: FakeNode) => void | Promise<void> = () => {},
  options: Parameters<FakeNode['surroundings']>[0] = {},
): Promise<Made> {
  const node = fakeNode(t);
  await change(node);
  const surroundings = node.surroundings(options);
  const checks = KERNEL_CHECKS.filter(({ id }) => !LOADED.some((other) => other.id === id));
  const findings = await runChecks([...checks, ...LOADED], surroundings);
  const text = manifestOf(surroundings.config, findings, factsOf(surroundings)).replaceAll(
    node.directory,
    'DIR',
  );
  const objects = parseAllDocuments(text)
    .map((document) => {
      assert.deepEqual(document.errors, []);
      return document.toJS() as Manifest | null;
    })
    .filter((object) => object !== null);
  const pod = objects.find(({ kind }) => kind === 'DaemonSet')?.spec.template.spec;
  return {
    text,
    objects,
    models: [...text.matchAll(/^# ([ABC]) \w+: (possible|NOT possible);/gm)].map(
      ([, model, can]) => `${model} ${can}`,
    ),
    pod,
    container: pod?.containers[0],
  };
}

/** A socket as the runtime makes it. */
const socketAt =
  (t: TestContext, path: string, gid: number, mode: number) =>
  async ({ directory }: FakeNode): Promise<void> => {
    const file = join(directory, 'root', path);
    mkdirSync(dirname(file), { recursive: true });
    const server = createServer().listen(file);
    t.after(() => server.close());
    await once(server, 'listening');
    chmodSync(file, mode);
    if (process.getuid?.() === 0) chownSync(file, 0, gid);
  };

const envOf = ({ container }: Made, name: string): string | undefined =>
  container.env.find((variable: { name: string }) => variable.name === name)?.value;
const ALL = ['A possible', 'B possible', 'C possible'];
const ONLY_C = ['A NOT possible', 'B NOT possible', 'C possible'];

test('an ordinary node: uid 65532, two capabilities, the host’s /proc and nothing else', async (t) => {
  const made = await make(t, socketAt(t, 'run/containerd/containerd.sock', 0, 0o660));
  assert.deepEqual(made.models, ALL);
  assert.deepEqual(
    made.objects.map(({ kind }) => kind),
    ['Namespace', 'ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'DaemonSet'],
  );
  assert.deepEqual(made.container.securityContext, {
    runAsUser: 65532,
    runAsGroup: 65532,
    runAsNonRoot: true,
    privileged: false,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    seccompProfile: { type: 'RuntimeDefault' },
    capabilities: { drop: ['ALL'], add: ['BPF', 'PERFMON'] },
  });
  assert.equal(made.pod.hostPID, false);
  assert.deepEqual(made.container.volumeMounts, [{ name: 'proc', mountPath: '/host/proc', readOnly: true }]);
  assert.deepEqual(made.pod.volumes, [{ name: 'proc', hostPath: { path: '/proc', type: 'Directory' } }]);
  assert.equal(envOf(made, 'COGNITOD_PROC_ROOT'), '/host/proc');
  assert.equal(envOf(made, 'COGNITOD_RUNTIME_CRI'), 'off');
  assert.match(made.text, /^# +the runtime's socket \/run\/containerd\/containerd.sock, of group 0$/m);
  assert.match(made.text, /^ +# Left out: \/run\/containerd\/containerd.sock\. /m);
  assert.match(made.text, /^# +Linux 6.1.0-18-amd64, cgroups v2: /m);
  assert.match(made.text, /Given up within a second/);
});

test('every privilege and every mount has its reason', async (t) => {
  const { text } = await make(t, undefined, { env: { COGNITOD_KUBERNETES_API: 'off' } });
  const lines = text.split('\n');
  for (const [index, line] of lines.entries())
    if (/^ +- (?:BPF|PERFMON|name: (?:proc|btf|runtime))$/.test(line) && !/hostPath:/.test(lines[index + 1]!))
      assert.match(lines[index - 1]!, /^ +# \S/, line);
});

test('CRI-O, of a group of its own, where the API is not asked: mounted, with that group and no right in the API', async (t) => {
  const made = await make(t, socketAt(t, 'run/crio/crio.sock', 990, 0o660), {
    env: { COGNITOD_KUBERNETES_API: 'off' },
  });
  assert.deepEqual(
    made.objects.map(({ kind }) => kind),
    ['Namespace', 'ServiceAccount', 'DaemonSet'],
  );
  assert.deepEqual(made.pod.securityContext, { supplementalGroups: [990] });
  assert.equal(made.pod.automountServiceAccountToken, false);
  assert.equal(envOf(made, 'COGNITOD_RUNTIME_CRI'), '/run/crio/crio.sock');
  assert.deepEqual(made.pod.volumes[1], {
    name: 'runtime',
    hostPath: { path: '/run/crio/crio.sock', type: 'Socket' },
  });
  assert.equal(made.container.securityContext.runAsUser, 65532);
});

test('k3s: its socket is found, and named by the configuration it is mounted beside the API', async (t) => {
  const k3s = socketAt(t, 'run/k3s/containerd/containerd.sock', 0, 0o660);
  assert.match((await make(t, k3s)).text, /Left out: \/run\/k3s\/containerd\/containerd\.sock/);
  const node = fakeNode(t);
  await k3s(node);
  const path = join(node.directory, 'root/run/k3s/containerd/containerd.sock');
  const surroundings = node.surroundings({ env: { COGNITOD_RUNTIME_CRI: path } });
  const text = manifestOf(surroundings.config, [], factsOf(surroundings));
  assert.match(text, /mountPath: \/run\/k3s\/containerd\/containerd\.sock/);
  assert.match(text, /supplementalGroups: \[0\]/);
  assert.match(text, /kind: ClusterRole\n/);
});

test('a socket that only root may use needs root, and says so', async (t) => {
  const made = await make(t, socketAt(t, 'run/containerd/containerd.sock', 0, 0o600), {
    env: { COGNITOD_KUBERNETES_API: 'off' },
  });
  assert.equal(made.container.securityContext.runAsUser, 0);
  assert.equal(made.container.securityContext.runAsNonRoot, undefined);
  assert.match(made.text, /^ +# Root, for only root may use \/run\/containerd\/containerd\.sock\.$/m);
  assert.equal(made.pod.securityContext, undefined);
});

test('no BTF: only sidecars; with a file for this kernel, the file is mounted', async (t) => {
  const none = ({ directory }: FakeNode) => rmSync(join(directory, 'sys/kernel/btf'), { recursive: true });
  const without = await make(t, none);
  assert.deepEqual(without.models, ONLY_C);
  assert.deepEqual(without.objects, []);
  assert.match(
    without.text,
    /^# B unprivileged: NOT possible; no BPF: DIR\/sys\/kernel\/btf\/vmlinux is not there$/m,
  );
  assert.match(without.text, /sidecar\.linnix\.io\/inject=true/);
  const file = (mode: number) => (node: FakeNode) => {
    none(node);
    node.write('root/btf', 'btf');
    chmodSync(join(node.directory, 'root/btf'), mode);
  };
  const withFile = async (mode: number) => {
    const node = fakeNode(t);
    file(mode)(node);
    const surroundings = node.surroundings({
      env: { COGNITOD_KERNEL_BTF: join(node.directory, 'root/btf') },
    });
    return manifestOf(surroundings.config, [], factsOf(surroundings));
  };
  const text = await withFile(0o644);
  assert.match(text, /mountPath: \/etc\/cognitod\/vmlinux\.btf/);
  assert.match(text, /name: COGNITOD_KERNEL_BTF\n +value: \/etc\/cognitod\/vmlinux\.btf/);
  assert.match(text, /runAsUser: 65532/);
  assert.match(await withFile(0o600), /# Root, for only root may read .*btf\.\n +runAsUser: 0/);
});

test('paranoid does not change the manifest, and is told', async (t) => {
  const strict = (node: FakeNode) => node.write('proc/sys/kernel/perf_event_paranoid', '4\n');
  const [a, b] = [await make(t), await make(t, strict)];
  assert.deepEqual(b.objects, a.objects);
  assert.match(b.text, /^# +perf_event_paranoid 4: does not matter/m);
});

test('lockdown: integrity changes nothing, confidentiality needs the directories of cgroups', async (t) => {
  const mode = (text: string) => (node: FakeNode) => node.write('sys/kernel/security/lockdown', text);
  const integrity = await make(t, mode('none [integrity] confidentiality'));
  assert.deepEqual(integrity.models, ALL);
  const confidentiality = await make(t, mode('none integrity [confidentiality]'));
  assert.deepEqual(confidentiality.models, ALL);
  const paths = (made: Made) => made.pod.volumes.map((volume: Manifest['spec']) => volume.hostPath?.path);
  assert.ok(paths(confidentiality).includes('/sys/fs/cgroup'));
  assert.ok(!paths(integrity).includes('/sys/fs/cgroup'));
});

test('no BPF at all: too old a kernel, or one built without', async (t) => {
  assert.deepEqual((await make(t, undefined, { kernelRelease: '4.19.0' })).models, ONLY_C);
  const built = (node: FakeNode) => node.write('root/boot/config-6.1.0-18-amd64', 'CONFIG_CGROUPS=y\n');
  const made = await make(t, built);
  assert.deepEqual(made.models, ONLY_C);
  assert.match(made.text, /CONFIG_BPF_SYSCALL is off: no BPF at all/);
});

test('hidepid: hostPID instead of a mount that would hide processes', async (t) => {
  const hides = (node: FakeNode) =>
    node.write('proc/1/mountinfo', '22 28 0:21 / /proc rw - proc proc rw,hidepid=invisible\n');
  const made = await make(t, hides);
  assert.equal(made.pod.hostPID, true);
  assert.equal(made.container.volumeMounts, undefined);
  assert.equal(made.pod.volumes, undefined);
  assert.equal(envOf(made, 'COGNITOD_PROC_ROOT'), undefined);
  assert.match(made.text, /hidepid=invisible, which would hide them/);
});

test('a kernel without seccomp, SELinux, AppArmor, and one that asks for CAP_BPF at each read', async (t) => {
  const none = await make(t, ({ directory }) =>
    rmSync(join(directory, 'proc/sys/kernel/seccomp'), { recursive: true }),
  );
  assert.equal(none.container.securityContext.seccompProfile, undefined);
  const selinux = await make(t, (node) => node.write('sys/fs/selinux/enforce', '1'));
  assert.deepEqual(selinux.container.securityContext.seLinuxOptions, { type: 'spc_t' });
  const apparmor = await make(t, (node) => node.write('sys/kernel/security/lsm', 'capability,apparmor'));
  assert.match(apparmor.text, /# AppArmor: the runtime's default profile stays/);
  const old = await make(t, undefined, { kernelRelease: '5.15.0' });
  assert.match(old.text, /Kept: before Linux 5\.19 each read needs it too/);
  const hybrid = await make(t, (node) =>
    node.write('proc/1/mountinfo', '1 0 0:1 / /a rw - cgroup2 c rw\n2 0 0:2 / /b rw - cgroup c rw\n'),
  );
  assert.match(hybrid.text, /cgroups hybrid/);
});

test('all of them are objects that Kubernetes knows, field by field', async (t) => {
  const nodes = [
    make(t),
    make(t, (node) => node.write('sys/fs/selinux/enforce', '1')),
    make(t, (node) => node.write('proc/1/mountinfo', '22 28 0:21 / /proc rw - proc proc rw,hidepid=2\n')),
    make(t, socketAt(t, 'run/crio/crio.sock', 990, 0o660), { env: { COGNITOD_KUBERNETES_API: 'off' } }),
    make(t, socketAt(t, 'run/crio/crio.sock', 0, 0o600), { env: { COGNITOD_KUBERNETES_API: 'off' } }),
  ];
  const made = await Promise.all(nodes);
  const manifests = made.flatMap(({ objects }, index) =>
    objects.map((manifest) => ({ source: `node ${index}:`, manifest })),
  );
  assert.ok(manifests.length > 15);
  assert.deepEqual(findProblems(manifests), []);
});
