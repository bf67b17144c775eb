// What the dashboard is shown with: the real agent, and real processes in the cgroups of pods whose names a Kubernetes API tells.
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeKube, type OtherObjects } from '../../src/identity/kube/fake-kube.fixture.ts';
import { fakeContainer, fakePod } from '../../src/identity/kube/kube-objects.fixture.ts';
import { type AgentOptions, type RunningAgent, startAgent } from '../support/agent.ts';
import { findHierarchy, makeCgroup, type TestCgroup } from '../support/cgroups.ts';

export interface StagePod {
  readonly namespace: string;
  readonly name: string;
  readonly container: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly owner?: { readonly kind: string; readonly name: string; readonly apiVersion: string };
}

export interface Stage {
  readonly agent: RunningAgent;
  /** Runs a bash script in a pod as a program of this name, with any arguments; ended when the stage closes. */
  runIn(pod: StagePod, name: string, script: string, args?: readonly string[]): ChildProcess;
  close(): Promise<void>;
}

export const cannotMakePods = (): string | false =>
  findHierarchy('v2') === undefined ? 'no v2 hierarchy is mounted' : false;

/** The pods are there before the agent, so that their names are known when it sees their processes. */
export async function openStage(pods: readonly StagePod[], options: AgentOptions = {}): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-stage-'));
  const kube = new FakeKube();
  const cgroups = new Map<StagePod, TestCgroup>();
  const children: ChildProcess[] = [];
  let agent: RunningAgent | undefined;
  const close = async () => {
    for (const child of children) end(child);
    await Promise.all(children.map(ended));
    // The first has made what is above all of them.
    for (const cgroup of [...cgroups.values()].reverse()) await cgroup.remove();
    await agent?.stop();
    await kube.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const [index, pod] of pods.entries()) {
      const { namespace, name, labels = {}, container } = pod;
      // Of this run: another one may be under way, or have been cut off.
      const mark = `${process.pid.toString(16).padStart(8, '0')}${String(index).padStart(4, '0')}`;
      const uid = `7c1e9d9c-b1a2-4c3d-9e4f-${mark}`;
      const id = mark.repeat(6).slice(0, 64);
      const owner = pod.owner === undefined ? null : { ...pod.owner, uid: `${pod.owner.name}-uid` };
      const containers = [fakeContainer(container, [id])];
      kube.cluster.put(fakePod(uid, { namespace, name, labels, owner, containers }));
      cgroups.set(pod, makeCgroup(findHierarchy('v2')!, `kubepods/burstable/pod${uid}/${id}`));
    }
    kube.others = tellNode;
    await kube.listen();
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(kube.url)));
    const env = { COGNITOD_KUBERNETES_API: kubeconfig, COGNITOD_NODE_NAME: NODE_NAME, ...options.env };
    agent = await startAgent({ ...options, env });
  } catch (error) {
    await close();
    throw error;
  }
  return {
    agent,
    close,
    runIn(pod, name, script, args = []) {
      const home = join(folder, String(children.length));
      mkdirSync(home);
      const file = join(home, name);
      copyFileSync('/bin/bash', file);
      writeFileSync(join(home, 'serve'), script);
      const enter = `echo $$ > ${cgroups.get(pod)!.procsFile} && exec -a "$0" "$@"`;
      const command = ['-c', enter, name, file, 'serve', ...args];
      const child = spawn('/bin/bash', command, { cwd: home, stdio: 'ignore', detached: true });
      children.push(child);
      return child;
    },
  };
}

const NODE_NAME = 'node-1';

/** The doctor asks whether there is such a node. */
const tellNode: OtherObjects = (_request, response, url) => {
  if (url.pathname !== `/api/v1/nodes/${NODE_NAME}`) return false;
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ kind: 'Node', apiVersion: 'v1', metadata: { name: NODE_NAME } }));
  return true;
};

/** With what it has started: it is the first of its process group. */
function end(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null)
    await new Promise((resolve) => child.once('exit', resolve));
}

const kubeconfigOf = (server: string) => ({
  clusters: [{ name: 'c', cluster: { server } }],
  users: [{ name: 'u', user: { token: 'secret-token' } }],
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  'current-context': 'x',
});
