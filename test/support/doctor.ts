// Runs the doctor as a user would, and reads what it found.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { DoctorJson } from '../../src/api/index.ts';
import type { Finding } from '../../src/doctor/index.ts';
import { type AgentOptions, runCognitod } from './agent.ts';

export type Checks = Readonly<Record<string, Finding>>;

export async function examine(
  args: string[],
  options: AgentOptions = {},
): Promise<{ code: number | null; checks: Checks }> {
  const { code, stdout, stderr } = await runCognitod(['doctor', '--json', ...args], options);
  assert.notEqual(stdout, '', stderr);
  const { checks, failed } = JSON.parse(stdout) as DoctorJson;
  assert.equal(failed, checks.filter(({ result }) => result === 'fail').length);
  return { code, checks: Object.fromEntries(checks.map(({ id, ...finding }) => [id, finding])) };
}

/** On addresses that nobody has, unless the test says others. */
export const beforeInstall = ({ env, ...options }: AgentOptions = {}): ReturnType<typeof examine> =>
  examine(['--before-install'], { ...options, env: { ...FREE, ...env } });

const FREE = { COGNITOD_API_LISTEN: '127.0.0.1:0', COGNITOD_OPS_LISTEN: '127.0.0.1:0' };

export function found(checks: Checks, id: string, result: Finding['result'], reason: RegExp): void {
  assert.equal(checks[id]?.result, result, `${id}: ${checks[id]?.reason}`);
  assert.match(checks[id]!.reason, reason);
  if (result === 'fail' || result === 'warn')
    assert.ok((checks[id]!.fix ?? '').length > 10, 'it says what to do');
}

/** Told; how soon, and whether its end still came in time, is a matter of the machine's load, and only a warning. */
export function canaryIsTold({ canary }: Checks): void {
  assert.notEqual(canary?.result, 'fail', canary?.reason ?? 'not examined');
  assert.match(canary!.reason, /exec(?:, exit)? of a process of our own, \d+ ms after the exec/);
}

/** A directory that goes with the test. */
export function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-doctor-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
