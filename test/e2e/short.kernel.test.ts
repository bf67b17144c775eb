// The short form of `make e2e-containers`: one mode, 300 processes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStream, startAgent } from '../support/agent.ts';
import { cannotUseBpf } from '../support/observe.ts';
import { report, runBursts } from './burst-run.ts';
import { cannotRunContainerd, startContainerd } from './containerd.ts';
import { runtimeSettings } from './runtime-settings.ts';

const skip = cannotUseBpf() || cannotRunContainerd();

test('every process of real pods is told with its pod and container', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const containerd = await startContainerd({ names: 'cgroupfs', view: 'hybrid' });
  t.after(() => containerd.close());
  const agent = await startAgent({ env: await runtimeSettings(containerd.socket) });
  t.after(() => agent.stop());
  const stream = await openStream(agent);
  t.after(() => stream.stop());
  const result = await runBursts(containerd.cri, stream, 300);
  assert.ok(report('cgroupfs names, hybrid view', result), JSON.stringify(result.wrong.slice(0, 3)));
});
