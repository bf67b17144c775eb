// `make e2e-containers`: in every mode, every process of real pods must be told with the right pod and container.
import { openStream, type RunningAgent, startAgent } from '../support/agent.ts';
import { startContainedAgent } from './contained-agent.ts';
import { report, runBursts } from './burst-run.ts';
import { runtimeSettings } from './runtime-settings.ts';
import { type Containerd, cannotRunContainerd, type Mode, startContainerd } from './containerd.ts';

const PROCESSES = 3000;
type Place = 'host' | 'container' | 'container-own-pids';
const RUNS: { id: string; mode: Mode; place: Place }[] = [
  { id: 'cgroupfs-hybrid', mode: { names: 'cgroupfs', view: 'hybrid' }, place: 'host' },
  { id: 'systemd-hybrid', mode: { names: 'systemd', view: 'hybrid' }, place: 'host' },
  { id: 'cgroupfs-v2', mode: { names: 'cgroupfs', view: 'v2' }, place: 'host' },
  { id: 'systemd-v2', mode: { names: 'systemd', view: 'v2' }, place: 'host' },
  { id: 'container', mode: { names: 'cgroupfs', view: 'hybrid' }, place: 'container' },
  { id: 'container-own-pids', mode: { names: 'systemd', view: 'v2' }, place: 'container-own-pids' },
];

async function start(containerd: Containerd, place: Place) {
  const env = await runtimeSettings(containerd.socket);
  if (place !== 'host') return startContainedAgent(containerd, { hostPid: place === 'container', env });
  const agent: RunningAgent = await startAgent({ env });
  return { agent, stop: () => agent.stop() };
}

async function run(mode: Mode, place: Place): Promise<boolean> {
  const containerd = await startContainerd(mode);
  try {
    const { agent, stop } = await start(containerd, place);
    try {
      const stream = await openStream(agent as RunningAgent);
      try {
        const result = await runBursts(containerd.cri, stream, PROCESSES);
        if (stream.gaps.length > 0) console.log(`  the stream had ${stream.gaps.length} gaps`);
        if (place !== 'host') await mustListHostProcess(agent.api);
        return report(`${mode.names} names, ${mode.view} view, agent in ${place}`, result);
      } finally {
        await stream.stop();
      }
    } finally {
      await stop();
    }
  } finally {
    await containerd.close();
  }
}

/** The whole node, from before its start: this script is outside every container. */
async function mustListHostProcess(api: string): Promise<void> {
  const answer = await fetch(`${api}/api/v1/processes?pid=${process.pid}`);
  if (!answer.ok || !(await answer.text()).includes(`"pid":${process.pid},`))
    throw new Error(`the agent does not list process ${process.pid} of the host`);
}

const reason = cannotRunContainerd();
if (reason !== false) {
  console.error(`e2e: ${reason}`);
  process.exit(1);
}
const only = process.argv[2];
const runs = RUNS.filter(({ id }) => only === undefined || only === id);
if (runs.length === 0) {
  console.error(`e2e: unknown run ${only}; there are ${RUNS.map(({ id }) => id).join(', ')}`);
  process.exit(2);
}
let failed = 0;
for (const { id, mode, place } of runs) {
  try {
    if (!(await run(mode, place))) failed++;
  } catch (error) {
    console.error(`${id}:`, error);
    failed++;
  }
}
console.log(failed === 0 ? 'every process belongs to its pod' : `${failed} of ${runs.length} runs failed`);
process.exitCode = failed === 0 ? 0 : 1;
