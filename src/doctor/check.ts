// What a check is. Each says what was seen, and what to do when it is not as it should be.
import type { EventJson, FindingJson, StatusJson } from '../api/index.ts';
import type { Config } from '../lib/index.ts';

export type Finding = Pick<FindingJson, 'result' | 'reason' | 'fix'>;
export type Result = Finding['result'];

/** The running agent, asked over its API. */
export interface DoctorAgent {
  readonly address: string;
  /** Rejects with a CognitodError. */
  status(): Promise<StatusJson>;
  /** All events from now on; resolves when the stream is connected. `close` ends it. */
  watch(): Promise<{ events: AsyncIterable<EventJson>; close(): void }>;
}

/** An agent of the node, as /proc tells. */
export interface AgentProcess {
  /** In the pid namespace of that procfs. */
  readonly pid: number;
  /** In every pid namespace that it is in, outermost first. */
  readonly pids: readonly number[];
  readonly argv: readonly string[];
}

/** Everything that checks look at, so that tests can put something else there. */
export interface Surroundings {
  readonly config: Config;
  /** Null before the installation. */
  readonly agent: DoctorAgent | null;
  /** The status, or why there is none; asked once. */
  readonly status: StatusJson | { readonly error: string; readonly hint: string | undefined } | null;
  /** Own procfs: what this process may do. */
  readonly ownProc: string;
  /** Where distributions put the configuration of the kernel. */
  readonly boot: string;
  /** As `uname -r`. */
  readonly kernelRelease: string;
  /** Agents in proc_root; several checks want them, and looking at all processes is not free. */
  agents(): Promise<readonly AgentProcess[]>;
}

export interface Check {
  /** Stable; docs/doctor.md has the same. */
  readonly id: string;
  /** The question that it answers. */
  readonly title: string;
  /** Starts a process or loads programs: not for the agent itself, which may do neither. */
  readonly outsideOnly?: true;
  /** It measures time, so that nothing else may run meanwhile. */
  readonly alone?: true;
  /** What it may take; else CHECK_MS. */
  readonly limitMs?: number;
  /** How long the agent may answer with the same finding, for checks that cost others something. */
  readonly keepMs?: number;
  run(surroundings: Surroundings): Finding | Promise<Finding>;
}

export const ok = (reason: string): Finding => ({ result: 'ok', reason, fix: null });
export const warn = (reason: string, fix: string): Finding => ({ result: 'warn', reason, fix });
export const fail = (reason: string, fix: string): Finding => ({ result: 'fail', reason, fix });
export const skip = (reason: string): Finding => ({ result: 'skip', reason, fix: null });

/** It is told to poll: whatever the kernel side needs does not matter then. */
export const polls = ({ config }: Pick<Surroundings, 'config'>): boolean => config.collector === 'procfs';

/** It is told its pod, so it is a sidecar: what it does not see beyond that is not missing. */
export const isSidecar = (surroundings: Pick<Surroundings, 'config'>): boolean =>
  polls(surroundings) && surroundings.config.pod.uid !== null;

export const POLLING = skip('collector: procfs, which loads nothing');

/** For checks of the running agent: the status, or the finding that there is none. */
export function withStatus(
  { status }: Pick<Surroundings, 'status'>,
  judge: (status: StatusJson) => Finding | Promise<Finding>,
): Finding | Promise<Finding> {
  if (status === null) return skip('no agent is asked before the installation');
  if ('error' in status) return skip('the agent does not answer');
  return judge(status);
}

export const statusOr = ({ status }: Pick<Surroundings, 'status'>): StatusJson | null =>
  status === null || 'error' in status ? null : status;
