// `make e2e`: in every mode, every process of real pods must be told with the right pod and container.
import { openStream, startAgent } from '../support/agent.ts';
import { report, runBursts } from './burst-run.ts';
import { cannotRunContainerd, type Mode, startContainerd } from './containerd.ts';

const PROCESSES = 3000;
const MODES: Mode[] = [
  { names: 'cgroupfs', view: 'hybrid' },
  { names: 'systemd', view: 'hybrid' },
  { names: 'cgroupfs', view: 'v2' },
  { names: 'systemd', view: 'v2' },
];

async function runMode(mode: Mode): Promise<boolean> {
  const containerd = await startContainerd(mode);
  try {
    const agent = await startAgent();
    try {
      const stream = await openStream(agent);
      try {
        const result = await runBursts(containerd.cri, stream, PROCESSES);
        if (stream.gaps.length > 0) console.log(`  the stream had ${stream.gaps.length} gaps`);
        return report(`${mode.names} names, ${mode.view} view`, result);
      } finally {
        await stream.stop();
      }
    } finally {
      await agent.stop();
    }
  } finally {
    await containerd.close();
  }
}

const reason = cannotRunContainerd();
if (reason !== false) {
  console.error(`e2e: ${reason}`);
  process.exit(1);
}
const only = process.argv[2];
let failed = 0;
for (const mode of MODES) {
  if (only !== undefined && only !== `${mode.names}-${mode.view}`) continue;
  try {
    if (!(await runMode(mode))) failed++;
  } catch (error) {
    console.error(`${mode.names} names, ${mode.view} view:`, error);
    failed++;
  }
}
console.log(failed === 0 ? 'every process belongs to its pod' : `${failed} modes failed`);
process.exitCode = failed === 0 ? 0 : 1;
