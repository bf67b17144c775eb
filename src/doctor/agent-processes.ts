// Finds the agents of a node by what /proc tells everybody: a process cannot be asked whether it is one.
import type { StatusJson } from '../api/index.ts';
import type { AgentProcess, Surroundings } from './check.ts';
import { eachPid, fieldOf, readOr } from './proc.ts';

/** How it is started: in packages and images, by the launcher's script, or by the sources of a checkout. */
const PROGRAM = /(?:^|\/)cognitod$|\/cognitod\/dist\/main\.js$|\/src\/main\.ts$/;

/** Whether a command line, as in /proc/PID/cmdline, is an agent's. */
export function isAgent(argv: readonly string[]): boolean {
  const program = argv.findIndex((argument) => PROGRAM.test(argument));
  return program >= 0 && argv.slice(program + 1).includes('agent') && !argv.includes('--check-config');
}

export async function findAgents(procRoot: string): Promise<AgentProcess[]> {
  const found: AgentProcess[] = [];
  for await (const pid of eachPid(procRoot)) {
    if (!isNode(readOr(`${procRoot}/${pid}/comm`))) continue;
    const argv = (readOr(`${procRoot}/${pid}/cmdline`) ?? '').split('\0').filter((part) => part !== '');
    if (!isAgent(argv)) continue;
    const status = readOr(`${procRoot}/${pid}/status`);
    if (status === null) continue;
    const pids = (fieldOf(status, 'NSpid') ?? String(pid)).split(/\s+/).map(Number);
    found.push({ pid, pids, argv });
  }
  return found;
}

/** Node's main thread has one of these names, whatever the program; `timeout cognitod agent` has another. */
const isNode = (comm: string | null) => /^(?:node|cognitod|MainThread)/.test(comm ?? '');

/**
 * The process of the agent that answered, in proc_root: its pid is that of its own namespace, so all agents are looked
 * through. Null where it is not shown, is on another machine, or cannot be told from another.
 */
export async function findExamined(
  { config: { proc_root }, agents }: Surroundings,
  { pid, boot_id }: Pick<StatusJson, 'pid' | 'boot_id'>,
): Promise<AgentProcess | null> {
  const bootId = readOr(`${proc_root}/sys/kernel/random/boot_id`)?.trim();
  if (bootId !== boot_id) return null;
  const candidates = (await agents()).filter(({ pids }) => pids.at(-1) === pid);
  return candidates.length === 1 ? candidates[0]! : null;
}
