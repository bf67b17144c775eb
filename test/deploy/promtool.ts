// Runs promtool, and says which metrics the agent has.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

export const PROMETHEUS = join(import.meta.dirname, '../../deploy/prometheus');

/** Why there is no promtool; false when there is one. */
export const cannotRunPromtool = (): string | false =>
  spawnSync('promtool', ['--version']).status === 0
    ? false
    : 'promtool (Debian package prometheus) is not installed';

/** What it prints, with its status. */
export function runPromtool(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    cwd: PROMETHEUS,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, output: `${stdout}${stderr}` };
}

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function rulesOf(name: string): Rule[] {
  const { groups } = parse(readFileSync(join(PROMETHEUS, name), 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** What promtool thinks of expressions that stand in no rule: empty when nothing is wrong. */
export function expressionProblems(expressions: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-promtool-'));
  try {
    const file = join(folder, 'rules.yaml');
    const rules = expressions.map((expr, index) => ({ record: `expression_${index}`, expr }));
    writeFileSync(file, stringify({ groups: [{ name: 'expressions', rules }] }));
    const { status, output } = runPromtool('check', 'rules', file);
    return status === 0 ? '' : output;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Names of metrics and of recorded series in an expression. */
export const namesIn = (expression: string): string[] =>
  expression.match(/\b(?:(?:node|node_workload):)?cognitod_[a-z0-9_]+(?::[a-z0-9_]+)?/g) ?? [];
