// `cognitod doctor`: whether the agent sees what it should, whether it could here, and what to do.
import { CognitodError, type Config } from '../lib/index.ts';
import { AGENT_CHECKS } from './agent-checks.ts';
import type { Check, DoctorAgent, Finding, Surroundings } from './check.ts';
import { manifestOf } from './manifest.ts';
import { NODE_CHECKS } from './node-checks.ts';
import { permissions } from './permissions.ts';

export type { DoctorAgent, Finding, Result } from './check.ts';
export { CHECK_IDS, type Diagnosis, diagnose };

interface Diagnosis {
  readonly checks: readonly (Finding & { readonly id: string; readonly title: string })[];
  readonly manifest: string;
}

const CHECKS: readonly Check[] = [...AGENT_CHECKS, permissions, ...NODE_CHECKS];
const CHECK_IDS: readonly string[] = CHECKS.map(({ id }) => id);
/** No check takes longer; the canary has 5 s of its own. */
const CHECK_TIMEOUT_MS = 10_000;

/** Runs all checks. Without an agent only those of the node; what a check throws is its finding. */
async function diagnose(config: Config, agent: DoctorAgent | null): Promise<Diagnosis> {
  const surroundings: Surroundings = { config, agent, status: await statusOf(agent), ownProc: '/proc' };
  const checks = [];
  for (const { id, title, run } of CHECKS) {
    checks.push({ id, title, ...(await within(CHECK_TIMEOUT_MS, () => run(surroundings))) });
  }
  return { checks, manifest: manifestOf(config, checks) };
}

async function statusOf(agent: DoctorAgent | null): Promise<Surroundings['status']> {
  if (agent === null) return null;
  try {
    return await agent.status();
  } catch (error) {
    const hint = error instanceof CognitodError ? error.hint : undefined;
    return { error: (error as Error).message, hint };
  }
}

async function within(timeoutMs: number, run: () => Finding | Promise<Finding>): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(
      () =>
        resolve({
          result: 'fail',
          reason: `no answer within ${timeoutMs / 1000} s`,
          fix: 'is something hung?',
        }),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([run(), late]);
  } catch (error) {
    const fix =
      error instanceof CognitodError && error.hint !== undefined ? error.hint : 'please report this';
    return { result: 'fail', reason: (error as Error).message, fix };
  } finally {
    clearTimeout(timer);
  }
}
