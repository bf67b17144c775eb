// An agent that is started and closed again and again in one warm process, as its parent says over IPC: comparisons
// can then alternate within a second, which the noise of a shared machine does not.
import { Agent } from '../src/agent/index.ts';
import { loadConfig } from '../src/lib/index.ts';
import { openPrograms, UNCONFINED } from '../src/start/index.ts';

export type Switch = 'on' | 'off';

/** The answer when it is done. */
export interface Switched {
  /** Execs that the agent has told; 0 after `on`. */
  readonly execs: number;
}

const loaded = loadConfig({
  env: {},
  overrides: { collector: 'ebpf', api: { listen: '127.0.0.1:0' }, ops: { listen: '127.0.0.1:0' } },
});
const log = { info() {}, warn() {}, error: (message: string) => console.error(message) };
let agent: Agent | undefined;

process.on('message', async (word: Switch) => {
  if (word === 'on') {
    const start = {
      opened: openPrograms(loaded.config),
      privilegedSeconds: null,
      kept: [],
      confinement: UNCONFINED,
    };
    agent = (await Agent.start(loaded, log, new AbortController().signal, start))?.agent;
  } else await agent?.close();
  const answer: Switched = { execs: word === 'on' ? 0 : (agent?.ledger().exec.decoded ?? 0) };
  process.send!(answer);
});
process.on('disconnect', () => process.exit());
