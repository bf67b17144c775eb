// The procfs collector, and readers of single processes for other collectors.
export { ProcCgroups } from './cgroups.ts';
export { ProcfsCollector, type ProcfsCollectorOptions } from './collector.ts';
export type { ProcFacts } from './facts.ts';
export {
  listPids,
  type ProcProcess,
  readCmdline,
  readExecutable,
  readProcess,
  readSnapshot,
  readStat,
} from './processes.ts';
export { CLOCK_TICK_NS, type ProcStat } from './stat.ts';
