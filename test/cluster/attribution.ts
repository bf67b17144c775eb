// `make e2e-cluster`: a real Kubernetes, every kind of workload, and whether every process is told with the right names.
import { randomBytes } from 'node:crypto';
import type { EventJson } from '../../src/api/index.ts';
import { startAgents, type SuiteAgent } from './agents.ts';
import { Closers } from './closers.ts';
import { clusterPart, openCluster } from './cluster.ts';
import { playOutage, POD_AFTER, POD_DURING } from './outage.ts';
import { BEFORE, Scene, STEADY } from './scene.ts';
import { groupsOf, type Verdict, verdictOn } from './verdict.ts';

const closers = new Closers('e2e-cluster');

async function run(): Promise<boolean> {
  const id = `suite-${randomBytes(4).toString('hex')}`;
  const cluster = await openCluster(process.env, (stop) => closers.push(stop));
  const scene = new Scene(cluster, id);
  closers.push(() => scene.close());
  await scene.prepare();
  await scene.playBefore();
  const agents = await startAgents(cluster, id);
  closers.push(() => Promise.all(agents.map(({ stop }) => stop())));
  await scene.play();
  await scene.waitDone(agents);
  const right = await allRight(agents, (agent) => verdictOn(agent, scene, groupsOf(scene)));
  if (cluster.state === null) {
    console.log('skipped: an outage of the API server: it is not ours to stop');
    return right;
  }
  console.log();
  const server = clusterPart(cluster.state, 'apiserver');
  // A cluster that is kept must have its API server; one that is not does without.
  closers.push(async () => cluster.isKept && server.restore());
  const { beginMs, endMs } = await playOutage(server, scene, agents);
  const during = (event: EventJson) => Date.parse(event.time) >= beginMs && Date.parse(event.time) <= endMs;
  const rightAway = await allRight(agents, (agent) =>
    verdictOn(agent, scene, new Set([BEFORE, STEADY, POD_DURING, POD_AFTER]), (mark, event) => {
      if (mark.group === BEFORE || mark.group === STEADY) return during(event) ? mark.group : null;
      return mark.group === POD_DURING || mark.group === POD_AFTER ? mark.group : null;
    }),
  );
  return right && rightAway;
}

async function allRight(
  agents: readonly SuiteAgent[],
  judgeOne: (agent: SuiteAgent) => Promise<Verdict>,
): Promise<boolean> {
  let right = true;
  for (const agent of agents) right = (await judgeOne(agent)).right && right;
  return right;
}

try {
  const right = await run();
  console.log(right ? '\nevery process has the right names' : '\nnot every process has the right names');
  process.exitCode = right ? 0 : 1;
} catch (error) {
  // What fails because everything is being stopped says nothing.
  if (!closers.begun) console.error('e2e-cluster:', error);
  process.exitCode = 1;
} finally {
  await closers.closeAll();
}
