// Metrics: names, values, and what promtool thinks of them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { StatusJson } from '../api/index.ts';
import { sampleStatus, noStreams } from './fake-agent.test-helper.ts';
import { createMetrics } from './metrics.ts';

const streams = () => ({
  ...noStreams,
  clients: 2,
  queuedBytes: 100,
  sent: 50,
  lost: 5,
  expired: 3,
});
const scrape = (status: StatusJson = sampleStatus) =>
  createMetrics({ status: () => status, streams, liveProcesses: () => noStreams }).text();

function value(text: string, series: string): string | undefined {
  return text
    .split('\n')
    .find((line) => line.startsWith(`${series} `))
    ?.slice(series.length + 1);
}

test('the ledger, the sizes and the streams are told as they are at the scrape', async () => {
  const text = await scrape();
  const expected = {
    'cognitod_events_kernel_total{type="exec"}': '20',
    'cognitod_events_decoded_total{type="fork"}': '8',
    'cognitod_events_lost_total{type="exit"}': '1',
    'cognitod_events_pending{type="exit"}': '1',
    cognitod_container_events_seen_total: '7',
    cognitod_container_events_attributed_total: '6',
    cognitod_events_unknown_cgroup_total: '2',
    'cognitod_healed_total{kind="exit_unseen"}': '3',
    'cognitod_model_dropped_total{kind="images"}': '2',
    'cognitod_decode_errors_total{kind="bad_length"}': '1',
    cognitod_ring_size_bytes: '8388608',
    cognitod_ring_used_bytes: '4096',
    'cognitod_processes{state="running"}': '100',
    'cognitod_processes{state="exited"}': '20',
    cognitod_containers: '3',
    cognitod_cgroups: '9',
    cognitod_model_bytes: '1000000',
    'cognitod_stream_clients{stream="events"}': '2',
    'cognitod_stream_sent_total{stream="events"}': '50',
    'cognitod_stream_lost_total{stream="events",reason="slow-client"}': '5',
    'cognitod_stream_lost_total{stream="events",reason="buffer-expired"}': '3',
    'cognitod_stream_clients{stream="processes"}': '0',
    cognitod_ready: '1',
    'cognitod_collector_info{kind="ebpf",kernel="6.12.0",btf="true"}': '1',
    cognitod_process_resident_memory_bytes: '90000000',
    cognitod_process_start_time_seconds: String(Date.parse('2026-01-02T03:04:05Z') / 1000),
  };
  for (const [series, expectedValue] of Object.entries(expected)) {
    assert.equal(value(text, series), expectedValue, series);
  }
  assert.ok(Number(value(text, 'cognitod_process_cpu_seconds_total{mode="user"}')) > 0);
});

test('a second scrape replaces values, and series that are gone end', async () => {
  let status: StatusJson = { ...sampleStatus, decode_errors: { old: 1 } };
  const metrics = createMetrics({ status: () => status, streams, liveProcesses: () => noStreams });
  await metrics.text();
  status = { ...sampleStatus, decode_errors: { fresh: 2 }, ready: false };
  const text = await metrics.text();
  assert.equal(value(text, 'cognitod_decode_errors_total{kind="fresh"}'), '2');
  assert.equal(value(text, 'cognitod_decode_errors_total{kind="old"}'), undefined);
  assert.equal(value(text, 'cognitod_ready'), '0');
  assert.equal(value(text, 'cognitod_events_kernel_total{type="fork"}'), '10');
});

test('a collector without a ring has no ring metrics', async () => {
  const collector = {
    ...sampleStatus.collector,
    kind: 'procfs',
    ring_bytes: null,
    ring_used_bytes: null,
  } as const;
  const text = await scrape({ ...sampleStatus, collector });
  assert.equal(value(text, 'cognitod_ring_size_bytes'), undefined);
  assert.equal(value(text, 'cognitod_ring_used_bytes'), undefined);
});

test('observed delays are counted in buckets', async () => {
  const metrics = createMetrics({ status: () => sampleStatus, streams, liveProcesses: () => noStreams });
  for (const seconds of [0.0004, 0.004, 0.02, 7]) metrics.observeDelay(seconds);
  const text = await metrics.text();
  assert.equal(value(text, 'cognitod_event_delay_seconds_count'), '4');
  assert.equal(value(text, 'cognitod_event_delay_seconds_bucket{le="0.005"}'), '2');
  assert.equal(value(text, 'cognitod_event_delay_seconds_bucket{le="5"}'), '3');
});

const promtool = spawnSync('promtool', ['--version']).status === 0;

test('promtool finds nothing to complain about', {
  skip: promtool ? false : 'promtool (Debian package prometheus) is not installed',
}, async () => {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: await scrape() });
  assert.equal(`${stdout}${stderr}`, '');
  assert.equal(status, 0);
});
