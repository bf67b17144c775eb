// Metrics: names, values, and what promtool thinks of them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { StatusJson } from '../../api/index.ts';
import type { Metadata } from '../../identity/index.ts';
import {
  exec,
  exit,
  FakeAgent,
  fork,
  metricsSource,
  noStreams,
  podIdentity,
  sampleStatus,
} from '../fake-agent.fixture.ts';
import { formatProcessId } from '../../model/index.ts';
import { openMetricsText } from '../../http/exposition.ts';
import { createMetrics } from './metrics.ts';

const streams = () => ({
  ...noStreams,
  clients: 2,
  queuedBytes: 100,
  sent: 50,
  lost: 5,
  expired: 3,
});
const scrape = (status: StatusJson = sampleStatus, agent = new FakeAgent()) =>
  createMetrics({ ...metricsSource(agent), status: () => status, streams }).text();

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
    'cognitod_events_skipped_total{type="exec"}': '0',
    'cognitod_events_pending{type="exit"}': '1',
    cognitod_container_events_seen_total: '7',
    cognitod_container_events_attributed_total: '6',
    cognitod_events_unknown_cgroup_total: '2',
    cognitod_events_claimed_total: '3',
    'cognitod_healed_total{kind="exit_unseen"}': '3',
    'cognitod_healed_total{kind="reopened"}': '5',
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
  const metrics = createMetrics({ ...metricsSource(), status: () => status });
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

test('what is skipped is counted for each kind, and no counter falls when some of it is told after all', async () => {
  const { ledger } = sampleStatus;
  let skipped = 3;
  const status = (): StatusJson => {
    const exec = { ...ledger.exec, skipped, kernel: 20 + skipped };
    return { ...sampleStatus, ledger: { ...ledger, exec, move: { ...ledger.move, lost: 6 } } };
  };
  const metrics = createMetrics({ ...metricsSource(), status });
  const told = async () => {
    const text = await metrics.text();
    return [
      value(text, 'cognitod_events_skipped_total{type="exec"}'),
      value(text, 'cognitod_events_kernel_total{type="exec"}'),
      ...['fork', 'exit', 'move'].map((type) => value(text, `cognitod_events_skipped_total{type="${type}"}`)),
      value(text, 'cognitod_events_lost_total{type="move"}'),
    ];
  };
  assert.deepEqual(await told(), ['3', '23', '0', '0', '0', '6']);
  skipped = 2;
  assert.deepEqual(await told(), ['3', '23', '0', '0', '0', '6']);
  skipped = 5;
  assert.deepEqual(await told(), ['5', '25', '0', '0', '0', '6']);
});

test('observed delays are counted in buckets', async () => {
  const metrics = createMetrics(metricsSource());
  for (const seconds of [0.0004, 0.004, 0.02, 7]) metrics.observeDelay(seconds);
  const text = await metrics.text();
  assert.equal(value(text, 'cognitod_event_delay_seconds_count'), '4');
  assert.equal(value(text, 'cognitod_event_delay_seconds_bucket{le="0.005"}'), '2');
  assert.equal(value(text, 'cognitod_event_delay_seconds_bucket{le="5"}'), '3');
});

test('both formats have the same series with the same values', async () => {
  const agent = new FakeAgent();
  agent.activity.note(exit({ exitCode: 3 }), podIdentity('uid-1', 'c1'));
  const metrics = createMetrics({ ...metricsSource(agent), streams });
  // What the agent itself used meanwhile is not the same.
  const samples = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#') && !/^cognitod_(process|nodejs)_/.test(line))
      .map((line) => line.split(' # ')[0]!)
      .sort();
  const plain = samples(await metrics.text());
  assert.ok(plain.length > 60);
  assert.deepEqual(samples(openMetricsText(await metrics.text('openmetrics'))), plain);
});

test('OpenMetrics: no family is told twice, counters end in _total, and the end is told', async () => {
  const text = openMetricsText(await createMetrics({ ...metricsSource(), streams }).text('openmetrics'));
  const families = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => ({
    name: name!,
    type,
  }));
  assert.ok(families.length > 40);
  assert.equal(new Set(families.map(({ name }) => name)).size, families.length);
  const counters = families.filter(({ type }) => type === 'counter').map(({ name }) => name);
  for (const [, name] of text.matchAll(/^(\w+?)(?:\{.*\})? \S+( #.*)?$/gm))
    for (const counter of counters) assert.notEqual(name, counter);
  assert.match(text, /[^\n]\n# EOF\n$/);
  assert.doesNotMatch(text, /\n\n/);
});

test('the last process of each cause but success is an exemplar, with as much of its names as there is room for', async () => {
  const agent = new FakeAgent();
  const short = podIdentity('uid-1', 'c1');
  const long = podIdentity('uid-2', 'c2');
  const named = (podName: string, name: string) =>
    ({ namespace: 'shop', podName, workload: { kind: 'Deployment', name } }) as unknown as Metadata;
  agent.model.metadata.set(short, named('web-1', 'web'));
  agent.model.metadata.set(long, named('x'.repeat(200), 'long'));
  const { pid, startNs, ktimeNs } = exit({ pid: 4711, exitCode: 137 });
  for (const exitCode of [0, 77, 137]) agent.activity.note(exit({ pid: 4711, exitCode }), short);
  agent.activity.note(exit({ pid: 4712, exitCode: 78, ktimeNs: ktimeNs + 1n }), short);
  agent.activity.note(exit({ pid: 4711, exitCode: 1 }), long);
  const text = await createMetrics(metricsSource(agent)).text('openmetrics');
  const exemplarOf = (workload: string, code: string) => {
    const start = `cognitod_workload_exits_total{namespace="shop",workload_kind="Deployment",workload="${workload}",code="${code}",signal=""} `;
    return text
      .split('\n')
      .find((line) => line.startsWith(start))!
      .split(' # ')[1];
  };
  const id = formatProcessId(agent.model.bootId, pid, startNs);
  const time = Date.parse(agent.model.timeOf(ktimeNs)) / 1000;
  assert.equal(exemplarOf('web', '137'), `{process_id="${id}",pod="web-1"} 1 ${time}`);
  assert.match(
    exemplarOf('web', 'other')!,
    new RegExp(`"${formatProcessId(agent.model.bootId, 4712, startNs)}"`),
  );
  assert.equal(exemplarOf('web', '0'), undefined);
  assert.equal(exemplarOf('long', '1'), `{process_id="${id}"} 1 ${time}`);
});

const promtool = spawnSync('promtool', ['--version']).status === 0;

test('promtool finds nothing to complain about', {
  skip: promtool ? false : 'promtool (Debian package prometheus) is not installed',
}, async () => {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: await scrape() });
  assert.equal(`${stdout}${stderr}`, '');
  assert.equal(status, 0);
});

test('workloads: what their pods did, how their processes ended, what they use', async () => {
  const agent = new FakeAgent();
  const [one, two] = [podIdentity('uid-1', 'c1'), podIdentity('uid-2', 'c2')];
  const workload = { kind: 'Deployment', name: 'web"\\n' };
  for (const identity of [one, two])
    agent.model.metadata.set(identity, { namespace: 'shop', workload } as unknown as Metadata);
  const live = agent.model.add({ identity: one });
  agent.usages.set(live.pid, { cpuNs: 2e9, rssBytes: 4096, cpuPercent: null });
  for (const identity of [one, two]) agent.activity.note(fork(), identity);
  agent.activity.note(exec(), two);
  for (const exitCode of [0, 137, 77]) agent.activity.note(exit({ exitCode, cpuNs: 5e8 }), one);
  agent.activity.note(exit({ exitCode: null, exitSignal: 9, cpuNs: 0 }), two);
  agent.activity.note(exit({ exitCode: null, exitSignal: 40, cpuNs: 0 }), two);
  agent.activity.note(fork(), { ...one, podUid: null, containerId: null, provenance: 'not-a-container' });

  const text = await scrape(sampleStatus, agent);
  const web = 'namespace="shop",workload_kind="Deployment",workload="web\\"\\\\n"';
  const expected = {
    [`cognitod_workload_forks_total{${web}}`]: '2',
    [`cognitod_workload_execs_total{${web}}`]: '1',
    [`cognitod_workload_exits_total{${web},code="0",signal=""}`]: '1',
    [`cognitod_workload_exits_total{${web},code="137",signal=""}`]: '1',
    [`cognitod_workload_exits_total{${web},code="other",signal=""}`]: '1',
    [`cognitod_workload_exits_total{${web},code="",signal="SIGKILL"}`]: '1',
    [`cognitod_workload_exits_total{${web},code="",signal="other"}`]: '1',
    [`cognitod_workload_cpu_seconds_total{${web}}`]: '3.5',
    [`cognitod_workload_processes{${web}}`]: '1',
    [`cognitod_workload_containers{${web}}`]: '1',
    [`cognitod_workload_resident_memory_bytes{${web}}`]: '4096',
    'cognitod_workload_forks_total{namespace="",workload_kind="host",workload=""}': '1',
  };
  for (const [series, expectedValue] of Object.entries(expected))
    assert.equal(value(text, series), expectedValue, `${series}\n${text}`);
});
