// What is done again and again goes through `Tasks`, which tells, counts and goes on when a turn fails. Everything else that
// takes a timer is listed here with the reason why it may.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const SRC = join(import.meta.dirname, '../src');

const MAY: Readonly<Record<string, string>> = {
  'lib/tasks.ts': 'it is here that turns come again',
  'lib/own-process.ts': 'the text of a program of its own',
  // Loops with times of their own: each catches everything, tells it in its state, counts it, and looks again.
  'collect/procfs/collector.ts': 'the looks at /proc: drain() catches and counts (procfs_looks_failed)',
  'identity/runtime/polling-source.ts':
    'the looks at a runtime: #lookOnce never rejects; state, reason, failures',
  'kernel/ring-reader.ts': 'the drain of the ring: #guard catches, and the safety drain goes on',
  'admission/certificates/mounted.ts':
    'the looks at a certificate: RenewedFiles catches; its problem is in /readyz',
  'http/backlog-pump.ts': 'turns of the event loop for slices, each a turn of Tasks',
  // One time limit, or one pause.
  'admission/admission.ts': 'a pause',
  'admission/namespace-watch.ts': 'a time limit',
  'agent/agent-evidence.ts': 'the time limit of the last anchors',
  'agent/enrich.ts': 'pauses between slices, to an end',
  'agent/run-agent.ts': 'the time limit of closing',
  'agent/self-test.ts': 'a time limit',
  'collect/sample/usage-reader.ts': 'turns between slices, to an end',
  'identity/kube/http-client.ts': 'time limits',
  'lib/backoff.ts': 'a pause',
  'serve/streams/event-streams.ts': 'once, when nobody has come back',
  'http/http-app.ts': 'the time limit of closing',
  'serve/streams/live-processes.ts': 'once, when nobody has come back',
  'serve/unix-listener.ts': 'a time limit',
};
/** Commands that end: what they do wrong ends with them. */
const COMMANDS = /^(cli|doctor)\//;
const TESTS = /\.(test|fixture|contract)\.ts$/;

test('timers are taken only where a turn that fails ends nothing', () => {
  const found = globSync('**/*.ts', { cwd: SRC })
    .filter((file) => !TESTS.test(file) && !COMMANDS.test(file))
    .filter((file) => /\bset(Interval|Timeout|Immediate)\b/.test(readFileSync(join(SRC, file), 'utf8')))
    .sort();
  assert.deepEqual(found, Object.keys(MAY).sort());
});
