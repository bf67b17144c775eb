// Runs checks beside each other, each with a time limit; what a check throws is its finding.
import type { FindingJson } from '../api/index.ts';
import { CognitodError } from '../lib/index.ts';
import { type Check, type Finding, fail, type Surroundings } from './check.ts';

/** No check takes longer that does not say so. */
const CHECK_MS = 10_000;

/** In the order of the checks. Those that measure time run first and alone. */
export async function runChecks(
  checks: readonly Check[],
  surroundings: Surroundings,
): Promise<FindingJson[]> {
  const findings = new Map<string, FindingJson>();
  for (const check of checks)
    if (check.alone === true) findings.set(check.id, await runCheck(check, surroundings));
  return Promise.all(checks.map((check) => findings.get(check.id) ?? runCheck(check, surroundings)));
}

export async function runCheck(check: Check, surroundings: Surroundings): Promise<FindingJson> {
  const { id, title, limitMs = CHECK_MS } = check;
  return { id, title, ...(await within(limitMs, () => check.run(surroundings))) };
}

async function within(timeoutMs: number, run: () => Finding | Promise<Finding>): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((resolve) => {
    timer = setTimeout(
      () => resolve(fail(`no answer within ${timeoutMs / 1000} s`, 'is something hung?')),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([run(), late]);
  } catch (error) {
    const fix =
      error instanceof CognitodError && error.hint !== undefined ? error.hint : 'please report this';
    return fail((error as Error).message, fix);
  } finally {
    clearTimeout(timer);
  }
}
