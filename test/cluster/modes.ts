// `make e2e-modes`: the long scene once for each way the chart installs an agent: is every process told with the right names by
// the agent in the pod, and by a sidecar every process of its own pod and no other?
import { randomBytes } from 'node:crypto';
import { NAMESPACE } from '../../scripts/helm.ts';
import { watchAgent } from './agents.ts';
import { Closers } from './closers.ts';
import { type Cluster, openCluster } from './cluster.ts';
import { forwardTo } from './forward.ts';
import { Release } from './release.ts';
import type { Figures } from './report.ts';
import { Scene } from './scene.ts';
import { SidecarScene } from './sidecar-scene.ts';
import { importImage } from './stand-in.ts';
import { groupsOf, verdictOn } from './verdict.ts';

/** Of the agent in the pod; a loopback address there. */
const API_PORT = 3000;
/** A verdict looks back over the whole scene, on a machine where others may be busy; kubectl forwards slowly then. */
const ROOM = [
  'config.stream.client_queue_bytes=128MiB',
  'config.stream.total_queue_bytes=256MiB',
  'config.model.retention_seconds=3600',
  'config.model.max_exited=200000',
  'config.model.memory_bytes=384MiB',
  'resources.limits.memory=1Gi',
];

interface Mode {
  readonly name: string;
  readonly set: readonly string[];
  /** Whether names come from the Kubernetes API alone, which learns of a container only after its start. */
  readonly mayBeLate: boolean;
}

const closers = new Closers('e2e-modes');

function modesOf({ state, criSocket }: Cluster): Mode[] {
  const runtime = ['cri.enabled=true', `cri.socket=${criSocket}`];
  if (state === null) console.log('skipped: A asks no runtime: where its socket is on the node is not known');
  return [
    {
      name: 'A, named capabilities, Kubernetes API and container runtime',
      set: ['mode=privileged', ...(state === null ? [] : runtime)],
      mayBeLate: state === null,
    },
    { name: 'B, not root, hostPID, Kubernetes API', set: ['mode=unprivileged'], mayBeLate: true },
    {
      name: 'B, not root, in a pid namespace of its own, Kubernetes API',
      set: ['mode=unprivileged', 'hostPID=false'],
      mayBeLate: true,
    },
  ];
}

/** The line of the summary, and whether it is as it must be. */
async function tryMode(cluster: Cluster, release: Release, mode: Mode): Promise<[boolean, string]> {
  const run = `suite-${randomBytes(4).toString('hex')}`;
  const opened = new Closers('e2e-modes', { signals: false });
  closers.push(() => opened.closeAll());
  try {
    const scene = new Scene(cluster, run);
    opened.push(() => scene.close({ gone: true }));
    await scene.prepare();
    await scene.playBefore();
    opened.push(() => release.remove().catch(() => undefined));
    await release.put([...mode.set, ...ROOM]);
    const forward = await forwardTo(cluster, `${NAMESPACE}/${await release.podName()}`, API_PORT);
    const { api } = forward;
    const agent = await watchAgent({ ...mode, title: mode.name, run, api, stop: () => forward.close() });
    opened.push(() => agent.stop());
    await scene.play();
    await scene.waitDone([agent]);
    const { right, figures } = await verdictOn(agent, scene, groupsOf(scene));
    if (forward.restarts() > 0)
      console.log(`  the port-forward was started again ${forward.restarts()} times`);
    return [right, figuresText(figures, scene)];
  } finally {
    await opened.closeAll();
  }
}

function figuresText({ right, late, all, processesRight, processes }: Figures, scene: Scene): string {
  const lateText = late > 0 ? `, ${late} told before their names were known` : '';
  const containers = new Set(scene.lives().map(({ containerId }) => containerId)).size;
  return (
    `${right} of ${all} events${lateText}; ${processesRight} of ${processes} processes; ` +
    `${scene.pods.pods.size} pods, ${containers} containers`
  );
}

async function run(cluster: Cluster): Promise<boolean> {
  const release = new Release(cluster);
  const { kubectl } = cluster;
  if (cluster.criSocket === null) throw new Error('the image is brought to the node by CRI_SOCKET');
  console.log(`image: ${await importImage(cluster.criSocket, process.env)}`);
  const unprepare = await release.prepareNode();
  closers.push(async () => {
    await unprepare();
    await kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found'], { timeoutMs: 90_000 });
  });
  const wanted = process.env.MODES?.split(',') ?? null;
  const lines: string[] = [];
  let right = true;
  const take = async (name: string, tried: () => Promise<[boolean, string]>) => {
    if (wanted !== null && !wanted.some((one) => name.startsWith(one))) return;
    console.log(`\n${name}`);
    const [isRight, text] = await tried().catch((error: Error): [boolean, string] => {
      console.log(error.stack);
      return [false, error.message];
    });
    lines.push(`${isRight ? 'ok    ' : 'WRONG '} ${name}: ${text}`);
    right &&= isRight;
  };
  for (const mode of modesOf(cluster)) await take(mode.name, () => tryMode(cluster, release, mode));
  await take('C, sidecar', async () => {
    const scene = new SidecarScene(cluster, release, `suite-${randomBytes(4).toString('hex')}`);
    closers.push(() => scene.close());
    try {
      return await scene.play();
    } finally {
      await scene.close();
    }
  });
  console.log(`\n${lines.join('\n')}`);
  return right;
}

try {
  const cluster = await openCluster(process.env, (stop) => closers.push(stop));
  const right = await run(cluster);
  console.log(right ? '\nevery mode tells every process' : '\nnot every mode tells every process');
  process.exitCode = right ? 0 : 1;
} catch (error) {
  if (!closers.begun) console.error('e2e-modes:', error);
  process.exitCode = 1;
} finally {
  await closers.closeAll();
}
