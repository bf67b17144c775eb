// The agent's own filter refuses nothing that the agent does: its whole life under strace, with everything that it offers used.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SelfTestJson } from '../../src/api/index.ts';
import { startAgent } from '../support/agent.ts';
import { cannotUseBpf } from '../support/observe.ts';

const skip =
  cannotUseBpf() || (existsSync('/usr/bin/strace') ? false : 'strace is not installed (scripts/setup test)');

/** A request over the agent's own socket: its status. */
function overSocket(socketPath: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!));
    })
      .on('error', reject)
      .end();
  });
}

for (const collector of ['ebpf', 'procfs'] as const) {
  test(`${collector}: nothing that the agent does is refused`, { skip }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'cognitod-filter-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const trace = join(folder, 'trace');
    const token = join(folder, 'token');
    writeFileSync(token, 'first\n');
    const socket = join(folder, 'api.sock');
    const agent = await startAgent({
      prefix: ['strace', '-f', '-qq', '-Z', '-o', trace],
      args: ['--collector', collector],
      env: {
        COGNITOD_API_SOCKET: socket,
        COGNITOD_EVIDENCE_DIRECTORY: join(folder, 'evidence'),
        COGNITOD_MODEL_HEAL_SECONDS: '1',
      },
    });
    t.after(() => agent.stop());
    assert.equal((await agent.status()).privileges.confinement.system_calls, true);
    for (const path of ['status', 'doctor', 'evidence', 'processes', 'activity', 'configuration'])
      assert.notEqual(await overSocket(socket, `/api/v1/${path}`), 500, path);
    const aborted = new AbortController();
    const stream = await fetch(`${agent.api}/api/v1/events`, { signal: aborted.signal });
    const reader = stream.body!.getReader();
    await reader.read();
    const selfTest = await fetch(`${agent.api}/api/v1/self-test`, { method: 'POST' });
    const { ok, reason } = (await selfTest.json()) as SelfTestJson;
    assert.ok(ok, reason);
    assert.match(await agent.metrics(), /cognitod_/);
    // A look of the healer, and the evidence of a start.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    aborted.abort();
    const { code } = await agent.stop();
    assert.equal(code, 0);
    const refused = readFileSync(trace, 'utf8')
      .split('\n')
      .filter((line) => / = -1 EPERM /.test(line))
      .map((line) => line.replace(/^\d+ +/, '').replace(/ = -1 .*/, ''));
    assert.deepEqual(
      refused.filter((call) => !EXPECTED.some((pattern) => pattern.test(call))),
      [],
    );
  });
}

/** Node asks for an io_uring and does without. */
const EXPECTED: readonly RegExp[] = [/^io_uring_setup\(/];
