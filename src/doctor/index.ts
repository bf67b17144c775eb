// `cognitod doctor`: whether the agent sees what it should, whether it could here, and what to do.
import { release } from 'node:os';
import type { FindingJson } from '../api/index.ts';
import { CognitodError, type Config } from '../lib/index.ts';
import { findAgents } from './agent-processes.ts';
import { AGENT_CHECKS } from './agent-checks.ts';
import type { Check, DoctorAgent, Surroundings } from './check.ts';
import { KERNEL_CHECKS } from './kernel-checks.ts';
import { manifestOf } from './manifest.ts';
import { nodeName } from './node-name.ts';
import { factsOf } from './node-facts.ts';
import { permissions } from './permissions.ts';
import { PLACE_CHECKS } from './place-checks.ts';
import { HELD_CHECKS } from './held-checks.ts';
import { RESOURCE_CHECKS } from './resource-checks.ts';
import { runCheck, runChecks } from './run-checks.ts';
import { runtime } from './runtime.ts';
import { secondAgent } from './second-agent.ts';

export type { DoctorAgent, Finding, Result } from './check.ts';
export { CHECK_IDS, type Diagnosis, diagnose, Examiner };

interface Diagnosis {
  readonly checks: readonly FindingJson[];
  readonly manifest: string;
}

const CHECKS: readonly Check[] = [
  ...AGENT_CHECKS,
  ...HELD_CHECKS,
  secondAgent,
  nodeName,
  permissions,
  ...KERNEL_CHECKS,
  ...PLACE_CHECKS,
  runtime,
  ...RESOURCE_CHECKS,
];
const CHECK_IDS: readonly string[] = CHECKS.map(({ id }) => id);

/** Runs all checks. Without an agent only those of the node; what a check throws is its finding. */
async function diagnose(config: Config, agent: DoctorAgent | null): Promise<Diagnosis> {
  const surroundings = surroundingsOf(config, agent, await statusOf(agent));
  const checks = await runChecks(CHECKS, surroundings);
  return { checks, manifest: manifestOf(config, checks, factsOf(surroundings)) };
}

/**
 * The checks that the agent may run of itself, over and over: none that starts a process or loads anything, and those
 * that cost others something less often.
 */
class Examiner {
  readonly #config: Config;
  readonly #agent: DoctorAgent;
  readonly #kept = new Map<string, { readonly finding: FindingJson; readonly untilMs: number }>();

  constructor(config: Config, agent: DoctorAgent) {
    this.#config = config;
    this.#agent = agent;
  }

  /** Takes as long as the slowest check. */
  async examine(): Promise<readonly FindingJson[]> {
    const surroundings = surroundingsOf(this.#config, this.#agent, await statusOf(this.#agent));
    const checks = CHECKS.filter(({ outsideOnly }) => outsideOnly !== true);
    return Promise.all(checks.map((check) => this.#find(check, surroundings)));
  }

  async #find(check: Check, surroundings: Surroundings): Promise<FindingJson> {
    const kept = this.#kept.get(check.id);
    if (kept !== undefined && performance.now() < kept.untilMs) return kept.finding;
    const finding = await runCheck(check, surroundings);
    if (check.keepMs !== undefined)
      this.#kept.set(check.id, { finding, untilMs: performance.now() + check.keepMs });
    return finding;
  }
}

const surroundingsOf = (
  config: Config,
  agent: DoctorAgent | null,
  status: Surroundings['status'],
): Surroundings => {
  let agents: ReturnType<Surroundings['agents']> | undefined;
  return {
    config,
    agent,
    status,
    ownProc: '/proc',
    boot: `${config.runtime.host_root ?? ''}/boot`,
    kernelRelease: release(),
    agents: () => {
      agents ??= findAgents(config.proc_root);
      return agents;
    },
  };
};

async function statusOf(agent: DoctorAgent | null): Promise<Surroundings['status']> {
  if (agent === null) return null;
  try {
    return await agent.status();
  } catch (error) {
    const hint = error instanceof CognitodError ? error.hint : undefined;
    return { error: (error as Error).message, hint };
  }
}
