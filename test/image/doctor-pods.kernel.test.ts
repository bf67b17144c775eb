// The doctor where people run it: in the container of the agent, in each mode, with the built images.
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { type DoctorJson, selfTestSchema } from '../../src/api/index.ts';
import { type Containerd, cannotRunContainerd, startContainerd } from '../e2e/containerd.ts';
import { parseManifests, podTemplate } from '../deploy/rendered.ts';
import { runCognitod } from '../support/agent.ts';
import { canaryIsTold, found } from '../support/doctor.ts';
import { cannotUseBpf } from '../support/observe.ts';
import { builtImage, cannotBuildImage, removeBuiltImages } from './built.ts';
import { type ImageRun, importImage, runAgent } from './contained.ts';
import { runOf } from './from-manifest.ts';

const skip = cannotUseBpf() || cannotRunContainerd() || cannotBuildImage();
/** What depends on the machine: whether its clock is synchronised, and how busy it is. */
const MACHINE = ['clock', 'canary'];
const BOTH = ['BPF', 'PERFMON'];
const USER = 65532;
const MOUNTS = [
  { container_path: '/host/proc', host_path: '/proc', readonly: true },
  { container_path: '/host/sys', host_path: '/sys', readonly: true },
];
const HOST = { COGNITOD_PROC_ROOT: '/host/proc', COGNITOD_SYS_ROOT: '/host/sys' };
const SIDECAR = {
  COGNITOD_COLLECTOR: 'procfs',
  COGNITOD_KUBERNETES_API: 'off',
  COGNITOD_RUNTIME_CRI: 'off',
  COGNITOD_RUNTIME_DOCKER: 'off',
  COGNITOD_RUNTIME_PODMAN: 'off',
  COGNITOD_POD_UID: '0f5e6c1a-0000-4000-8000-00000000bbbb',
  COGNITOD_POD_NAME: 'api-1',
  COGNITOD_POD_NAMESPACE: 'shop',
};

after(removeBuiltImages);

describe('the doctor in the container of the agent', { skip, timeout: 180_000 }, () => {
  let containerd: Containerd;

  before(async () => {
    containerd = await startContainerd({ names: 'cgroupfs', view: 'hybrid' });
    for (const variant of ['agent', 'sidecar'] as const)
      importImage(containerd, (await builtImage(variant)).archive);
  });
  after(() => containerd?.close());

  async function examine(t: TestContext, variant: 'agent' | 'sidecar', run: Omit<ImageRun, 'image'>) {
    const { reference } = await builtImage(variant);
    const agent = await runAgent(containerd, { ...run, image: reference });
    t.after(() => agent.stop());
    const command = ['/opt/cognitod/bin/cognitod', 'doctor', '--json', '--api', agent.api];
    const { code, stdout, stderr } = await containerd.cri.exec(agent.containerId, command);
    assert.notEqual(stdout, '', stderr);
    const { checks } = JSON.parse(stdout) as DoctorJson;
    const answer = await fetch(`${agent.api}/api/v1/self-test`, { method: 'POST' });
    const selfTest = selfTestSchema.parse(await answer.json());
    return {
      code,
      checks: Object.fromEntries(checks.map((check) => [check.id, check])),
      all: checks,
      selfTest,
    };
  }

  for (const { name, hostPid, security } of [
    { name: 'A, root with hostPID', hostPid: true, security: { capabilities: BOTH, user: 0 } },
    { name: 'B, uid 65532 with hostPID', hostPid: true, security: { capabilities: BOTH, user: USER } },
    { name: 'B in a pid namespace of its own', hostPid: false, security: { capabilities: BOTH, user: USER } },
  ]) {
    test(`${name}: nothing fails, and what the agent says is compared`, async (t) => {
      const { code, checks, all, selfTest } = await examine(t, 'agent', {
        hostPid,
        security: { ...security, readOnlyRoot: true, noNewPrivileges: true },
        mounts: MOUNTS,
        env: HOST,
      });
      assert.deepEqual(
        all.filter(({ result }) => result === 'fail'),
        [],
      );
      assert.equal(code, 0);
      canaryIsTold(checks);
      assert.equal(selfTest.ok, true, selfTest.reason);
      assert.deepEqual([selfTest.place?.kind, selfTest.place?.provenance], ['pod', 'kernel-cgroup']);
      found(checks, 'privileges', 'ok', /^no capability in any thread; .*task shows the same$/);
      found(checks, 'hooks', 'ok', /sched_process_exec \(\d+, [0-9a-f]{16}\)/);
      found(checks, 'host-sys', 'ok', /^sysfs at \/host\/sys, read-only$/);
      found(checks, 'host-pid', 'ok', hostPid ? /\(hostPID\)$/ : /seen in \/host\/proc$/);
      found(checks, 'security-modules', 'ok', /seccomp filter/);
    });
  }

  test('neither hostPID nor the host’s /proc: the agent does not start as one of the node', async (t) => {
    const security = { capabilities: BOTH, user: USER };
    await assert.rejects(examine(t, 'agent', { security }), /PROC_NOT_HOST|not those of the node/);
  });

  /** The agent as doctor --manifest of this node says. */
  async function runManifest(t: TestContext, env: Record<string, string> = {}) {
    const { stdout } = await runCognitod(['doctor', '--manifest'], { env });
    const run = runOf(podTemplate(parseManifests(stdout)).spec);
    const { reference } = await builtImage('agent');
    const args = run.args!.filter((argument) => argument !== 'agent');
    const agent = await runAgent(containerd, { ...run, args, image: reference });
    t.after(() => agent.stop());
    return agent;
  }

  test('what doctor --manifest writes for this node works on this node', async (t) => {
    const { ready, collector, privileges } = await (await runManifest(t)).status();
    assert.deepEqual([ready, collector.kind, privileges.uid], [true, 'ebpf', USER]);
    assert.deepEqual(privileges.cap_permitted, []);
  });

  test('with the socket of the runtime, whose group uid 65532 is given', async (t) => {
    const env = { COGNITOD_KUBERNETES_API: 'off', COGNITOD_RUNTIME_CRI: containerd.socket };
    const agent = await runManifest(t, env);
    for (const until = Date.now() + 10_000; Date.now() < until; ) {
      const { metadata, privileges } = await agent.status();
      assert.equal(privileges.uid, USER);
      if (metadata.sources[0]?.state === 'ok' && metadata.sources[0].objects > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.fail(JSON.stringify((await agent.status()).metadata.sources));
  });

  test('C, the sidecar: nothing fails, and nothing warns for what a sidecar cannot have', async (t) => {
    const { code, checks, all, selfTest } = await examine(t, 'sidecar', {
      sharePid: true,
      security: { capabilities: [], user: USER, readOnlyRoot: true, noNewPrivileges: true },
      env: SIDECAR,
    });
    const bad = all.filter(({ id, result }) => ['fail', 'warn'].includes(result) && !MACHINE.includes(id));
    assert.deepEqual(bad, []);
    assert.equal(code, 0);
    canaryIsTold(checks);
    assert.equal(selfTest.ok, true, selfTest.reason);
    assert.equal(selfTest.place?.kind, 'pod');
    found(checks, 'host-proc', 'ok', /as it should be in a sidecar$/);
    found(checks, 'privileges', 'ok', /task shows the same$/);
  });
});
