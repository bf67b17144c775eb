// `make e2e-cluster`: a real Kubernetes, every kind of workload, and whether every process is told with the right names.
import { randomBytes } from 'node:crypto';
import { startAgents, type SuiteAgent } from './agents.ts';
import { openCluster } from './cluster.ts';
import { judge } from './judge.ts';
import { report } from './report.ts';
import { Scene } from './scene.ts';

/** What was opened, last first. */
const closers: (() => Promise<unknown>)[] = [];

async function closeAll(): Promise<void> {
  for (let close = closers.pop(); close !== undefined; close = closers.pop())
    await close().catch((error) => {
      console.error('e2e-cluster:', error);
      process.exitCode = 1;
    });
}

async function run(): Promise<boolean> {
  const id = `suite-${randomBytes(4).toString('hex')}`;
  const cluster = await openCluster(process.env);
  closers.push(cluster.close);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void closeAll().finally(() => process.exit(130)));
  const agents = await startAgents(cluster, id);
  closers.push(() => Promise.all(agents.map(({ stop }) => stop())));
  const scene = new Scene(cluster, id);
  closers.push(() => scene.close());
  await scene.prepare();
  await scene.play();
  await scene.waitDone(agents);
  let right = true;
  for (const agent of agents) right = (await verdictOn(agent, scene)) && right;
  return right;
}

async function verdictOn(agent: SuiteAgent, scene: Scene): Promise<boolean> {
  const { pods } = scene;
  const verdicts = judge({
    evidence: agent.evidence(),
    pods,
    listed: await agent.listed(),
    required: scene.required(),
  });
  const { title, mayBeLate } = agent;
  if (agent.gaps() > 0) console.log(`  the stream had ${agent.gaps()} gaps`);
  return report({ title, verdicts, podsOf: (group) => pods.ofGroup(group).length, mayBeLate });
}

try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  console.error('e2e-cluster:', error);
  process.exitCode = 1;
} finally {
  await closeAll();
}
