// Whether another agent watches this node too: two that share nothing both work, and cost twice.
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { lockFile } from '../os/index.ts';
import { type Config, formatListen, type ListenAddress } from '../lib/index.ts';
import { type AgentProcess, type Check, type Finding, fail, isSidecar, ok, statusOr, warn } from './check.ts';

const FIX =
  'one agent sees the whole node: remove one; two cost twice, and each has its own account of what it lost';

export const secondAgent: Check = {
  id: 'second-agent',
  title: 'Is it the only agent here?',
  async run(surroundings) {
    const { config, agent } = surroundings;
    const { proc_root } = config;
    const found = await surroundings.agents();
    const wide = isSidecar(surroundings) ? found : found.filter((process) => !isInPod(process));
    const sidecars = found.length - wide.length;
    const besides = sidecars === 0 ? '' : `; ${sidecars} sidecars, which see their own pods`;
    if (agent === null) {
      const conflict = await findConflict(config, wide);
      if (conflict !== null) return conflict;
      if (wide.length > 0) return warn(`an agent runs here already: ${describe(wide)}${besides}`, FIX);
      return ok(`none in ${proc_root}${besides}; its addresses are free`);
    }
    const pid = statusOr(surroundings)?.pid;
    // One of those with that pid is the examined one; it is another namespace's number, so any of them may be.
    const examined = wide.find(({ pids }) => pids.at(-1) === pid);
    const others = wide.filter((process) => process !== examined);
    // Not shown at all: an agent on another machine, or a procfs that hides it.
    if (examined === undefined && others.length <= 1) return ok(`${others.length} in ${proc_root}${besides}`);
    if (others.length > 0) return warn(`besides it there is ${describe(others)}${besides}`, FIX);
    return ok(`no other in ${proc_root}${besides}`);
  },
};

/** A sidecar shares the pid namespace of its pod, in which the pause container is process 1. */
const isInPod = ({ pids }: AgentProcess) => pids.length > 1 && pids.at(-1) !== 1;

const describe = (agents: readonly AgentProcess[]) => agents.map(({ pid }) => `process ${pid}`).join(', ');

/** What would keep an agent with this configuration from its start. */
async function findConflict(config: Config, agents: readonly AgentProcess[]): Promise<Finding | null> {
  const by = agents.length === 0 ? '' : `; an agent runs here already: ${describe(agents)}`;
  for (const [key, address] of [
    ['api.listen', config.api.listen],
    ['ops.listen', config.ops.listen],
  ] as const) {
    const code = await tryListen(address);
    if (code === 'EADDRINUSE')
      return fail(`${formatListen(address)} (${key}) is taken${by}`, `end the other, or set ${key}`);
  }
  const { directory } = config.evidence;
  if (directory !== null && isLocked(join(directory, 'evidence.jsonl')))
    return fail(
      `another agent writes the evidence in ${directory}${by}`,
      'end the other, or set evidence.directory',
    );
  return null;
}

/** The code of the error; null when the address was free and is again. */
function tryListen({ host, port }: ListenAddress): Promise<string | null> {
  if (port === 0) return Promise.resolve(null);
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

function isLocked(file: string): boolean {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return false;
  }
  try {
    return !lockFile(fd);
  } finally {
    closeSync(fd);
  }
}
