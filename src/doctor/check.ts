// What a check is. Each says what was seen, and what to do when it is not as it should be.
import type { EventJson, StatusJson } from '../api/index.ts';
import type { Config } from '../lib/index.ts';

/** `warn`: it works, with something lost or risky. `skip`: could not be tried; the reason says why. */
export type Result = 'ok' | 'warn' | 'fail' | 'skip';

export interface Finding {
  readonly result: Result;
  /** What was seen, with figures. */
  readonly reason: string;
  /** What to do; null when there is nothing to be done. */
  readonly fix: string | null;
}

/** The running agent, asked over its API. */
export interface DoctorAgent {
  readonly address: string;
  /** Rejects with a CognitodError. */
  status(): Promise<StatusJson>;
  /** All events from now on; resolves when the stream is connected. `close` ends it. */
  watch(): Promise<{ events: AsyncIterable<EventJson>; close(): void }>;
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
}

export interface Check {
  /** Stable; docs/doctor.md has the same. */
  readonly id: string;
  /** The question that it answers. */
  readonly title: string;
  run(surroundings: Surroundings): Finding | Promise<Finding>;
}

export const ok = (reason: string): Finding => ({ result: 'ok', reason, fix: null });
export const warn = (reason: string, fix: string): Finding => ({ result: 'warn', reason, fix });
export const fail = (reason: string, fix: string): Finding => ({ result: 'fail', reason, fix });
export const skip = (reason: string): Finding => ({ result: 'skip', reason, fix: null });

/** For checks of the running agent: the status, or the finding that there is none. */
export function withStatus(
  { status }: Surroundings,
  judge: (status: StatusJson) => Finding | Promise<Finding>,
): Finding | Promise<Finding> {
  if (status === null) return skip('no agent is asked before the installation');
  if ('error' in status) return skip('the agent does not answer');
  return judge(status);
}
