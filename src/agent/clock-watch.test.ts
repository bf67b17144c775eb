import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClockWatch } from './clock-watch.ts';

test('the uptime follows the clock since boot, and a step is told with its sign', () => {
  let boottime = 5_000_000_000n;
  let step = 0n;
  const watch = new ClockWatch({
    boottimeNs: () => boottime,
    realtimeNs: () => 1_700_000_000_000_000_000n + boottime + step,
  });
  boottime += 60_000_000_000n;
  step = 1_000_000n;
  assert.deepEqual([watch.uptimeSeconds, watch.stepSeconds], [60, 0]);
  step = -7_000_000_000n;
  assert.deepEqual([watch.uptimeSeconds, watch.stepSeconds], [60, -7]);
});
