// The API server goes away while the agents run, and comes back: names of known pods go on, new ones come afterwards.
import type { StatusJson } from '../../src/api/index.ts';
import type { SuiteAgent } from './agents.ts';
import type { ClusterPart } from './cluster.ts';
import { latePod } from './workloads.ts';
import { type Scene, until } from './scene.ts';

/** How long the API server only hangs, before it is killed. */
const HANG_MS = 3000;
const NOTICE_TIMEOUT_MS = 60_000;
const RECOVERY_TIMEOUT_MS = 90_000;

/** A static pod of the kubelet that nobody can tell the API server of. */
export const POD_DURING = 'during-outage';
/** A pod made when the API server is back. */
export const POD_AFTER = 'after-outage';

export interface Outage {
  /** From the moment the API server hung to the moment all agents had noticed that it was back. */
  readonly beginMs: number;
  readonly endMs: number;
}

/** Rejects when an agent does not notice one or the other. */
export async function playOutage(
  server: ClusterPart,
  scene: Scene,
  agents: readonly SuiteAgent[],
): Promise<Outage> {
  const { kubectl } = scene.cluster;
  const beginMs = Date.now();
  server.pause();
  await sleep(HANG_MS);
  await server.kill();
  const killedMs = Date.now();
  await Promise.all(
    agents.map(async (agent) => {
      const { state, reason } = await waitFor(agent, NOTICE_TIMEOUT_MS, (source) => source.state !== 'ok');
      console.log(`${agent.title}: after ${since(killedMs)} s the API is ${state}: ${reason}`);
      if (reason === null) throw new Error(`${agent.title}: status gives no reason`);
    }),
  );
  scene.addStaticPod(POD_DURING);
  await scene.sawEnd(POD_DURING, agents);
  await server.start();
  const startedMs = Date.now();
  await until('the API server answers', RECOVERY_TIMEOUT_MS, () =>
    kubectl(['get', '--raw', '/readyz']).then(
      () => true,
      () => false,
    ),
  );
  const answersMs = Date.now();
  console.log(`the API server was away ${since(beginMs)} s, of these ${since(startedMs)} s of its start`);
  await Promise.all(
    agents.map(async (agent) => {
      await waitFor(agent, RECOVERY_TIMEOUT_MS, (source) => source.state === 'ok');
      console.log(
        `${agent.title}: the API is ok ${since(answersMs)} s later, without a restart of the agent`,
      );
    }),
  );
  const endMs = Date.now();
  await scene.apply([latePod(scene.context, POD_AFTER)]);
  await scene.waitDone(agents);
  return { beginMs, endMs };
}

type Source = StatusJson['metadata']['sources'][number];

async function waitFor(
  agent: SuiteAgent,
  timeoutMs: number,
  isSo: (source: Source) => boolean,
): Promise<Source> {
  let source: Source | undefined;
  await until(`${agent.title} notices`, timeoutMs, async () => {
    source = (await agent.status()).metadata.sources.find(({ name }) => name === 'kube-api');
    return source !== undefined && isSo(source);
  });
  return source!;
}

const since = (ms: number) => ((Date.now() - ms) / 1000).toFixed(1);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
