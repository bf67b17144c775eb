// A real Prometheus scrapes a real agent: its rules, labels and figures. Needs root, BPF and the program prometheus.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { type ProcessJson, processSchema } from '../src/api/index.ts';
import { dashboards, filled, panelQueries } from './deploy/grafana.ts';
import { PROMETHEUS } from './deploy/promtool.ts';
import { type RunningAgent, startAgent } from './support/agent.ts';
import { cannotUseBpf } from './support/observe.ts';
import { buildWorkload, runWorkload } from './support/workload.ts';
import { PATIENCE } from './support/patience.ts';

const installed = spawnSync('prometheus', ['--version']).status === 0;
const skip = cannotUseBpf() || (installed ? false : 'prometheus (Debian package) is not installed');
const PATIENCE_MS = 30_000 * PATIENCE;

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

let agent: RunningAgent;
let prometheus: ChildProcess;
let folder: string;
let address: string;
let log = '';

before(async () => {
  if (skip !== false) return;
  buildWorkload();
  folder = mkdtempSync(join(tmpdir(), 'cognitod-prometheus-'));
  agent = await startAgent();
  for (const name of ['cognitod-recording.yaml', 'cognitod-alerts.yaml'])
    cpSync(join(PROMETHEUS, name), join(folder, name));
  writeFileSync(join(folder, 'prometheus.yaml'), stringify(configuration(new URL(agent.ops).host)));
  prometheus = spawn(
    'prometheus',
    [
      '--config.file=prometheus.yaml',
      '--storage.tsdb.path=data',
      '--web.listen-address=127.0.0.1:0',
      '--enable-feature=exemplar-storage',
    ],
    { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  prometheus.stderr!.on('data', (chunk) => {
    log += chunk;
  });
  address = await addressOf();
});

after(async () => {
  if (prometheus !== undefined && prometheus.exitCode === null && prometheus.signalCode === null) {
    const closed = new Promise((resolve) => prometheus.once('close', resolve));
    prometheus.kill('SIGKILL');
    await closed;
  }
  await agent?.stop();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** The target has the labels that the Prometheus operator gives a pod, `namespace` among them. */
const configuration = (target: string) => ({
  global: { scrape_interval: '1s', evaluation_interval: '1s' },
  rule_files: ['cognitod-recording.yaml', 'cognitod-alerts.yaml'],
  scrape_configs: [
    {
      job_name: 'linnix-observability/cognitod',
      honor_labels: true,
      static_configs: [{ targets: [target], labels: { node: 'n1', namespace: 'linnix-observability' } }],
    },
  ],
});

/** The address that it has chosen itself, as its log tells it. */
async function addressOf(): Promise<string> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = /msg="Listening on" address=(\S+)/.exec(log);
    if (found !== null) return found[1]!;
    if (Date.now() > end || prometheus.exitCode !== null) throw new Error(`Prometheus did not start: ${log}`);
    await sleep(100);
  }
}

async function query(expression: string): Promise<Sample[]> {
  const response = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(expression)}`);
  const { data, error } = (await response.json()) as { data?: { result: Sample[] }; error?: string };
  if (data === undefined) throw new Error(error);
  return data.result;
}

/** The first answer that is not empty. */
async function eventually(expression: string): Promise<Sample[]> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const samples = await query(expression).catch(() => []);
    if (samples.length > 0) return samples;
    if (Date.now() > end || prometheus.exitCode !== null)
      throw new Error(`no answer to ${expression}; Prometheus said: ${log}`);
    await sleep(200);
  }
}

test('Prometheus scrapes the agent, and its counters are the workload’s doing', { skip }, async () => {
  assert.equal((await eventually('up == 1'))[0]!.metric.node, 'n1');
  assert.equal((await eventually('cognitod_ready'))[0]!.value[1], '1');
  const forks = 'sum(cognitod_workload_forks_total)';
  const earlier = Number((await eventually(forks))[0]!.value[1]);
  await runWorkload('execs', 300);
  await eventually(`${forks} >= ${earlier + 300}`);
  await eventually('sum(cognitod_workload_exits_total{code="0"}) > 0');
});

test('the namespace of a workload is its own, not that of the scraped pod', { skip }, async () => {
  const [sample] = await eventually('cognitod_workload_processes{workload_kind="kernel"}');
  assert.equal(sample!.metric.namespace, undefined);
  assert.equal(sample!.metric.exported_namespace, undefined);
  assert.equal((await eventually('cognitod_ready'))[0]!.metric.namespace, 'linnix-observability');
});

test('recorded series have values, and no alert fires for an agent in health', { skip }, async () => {
  for (const record of [
    'node:cognitod_forks:rate5m{node="n1"} > 0',
    'node_workload:cognitod_forks:rate5m{node="n1"} > 0',
    'node_workload:cognitod_short_lived_exits:ratio_rate5m{node="n1"} > 0',
    'node:cognitod_events_lost:ratio_rate5m >= 0',
  ])
    await eventually(record);
  // Others depend on what else the machine does.
  const health = 'CognitodAbsent|CognitodDown|CognitodNotReady|CognitodDecodeErrors|CognitodEvidence.*';
  assert.deepEqual(await query(`ALERTS{alertname=~"${health}"}`), []);
});

/** What is only there when something is wrong, or in containers. */
const MAY_BE_EMPTY = ['Events of containers with a pod'];

test('every panel of the dashboard shows something of this agent', { skip }, async () => {
  spawnSync('sh', ['-c', 'exit 3']);
  spawnSync('sh', ['-c', 'kill -9 $$']);
  await runWorkload('execs', 300);
  assert.ok(panelQueries.length >= 16);
  for (const { title, expr } of panelQueries) {
    // Grafana: four scrapes.
    const complete = filled(expr, '4s');
    if (MAY_BE_EMPTY.includes(title)) await query(complete);
    else assert.ok((await eventually(complete)).length > 0, title);
  }
});

test('the variables of the dashboard have the values that there are', { skip }, async () => {
  const [dashboard] = dashboards;
  const queries = dashboard!.templating.list.map(({ query }) =>
    typeof query === 'string' ? query : query.query,
  );
  const asked = queries.flatMap((text) => {
    const match = /^label_values\((\w+), (\w+)\)$/.exec(text);
    return match === null ? [] : [[match[1]!, match[2]!] as const];
  });
  assert.equal(asked.length, 2);
  const values = await Promise.all(
    asked.map(async ([metric, label]) => {
      const response = await fetch(`http://${address}/api/v1/label/${label}/values?match[]=${metric}`);
      return ((await response.json()) as { data: string[] }).data;
    }),
  );
  // Nothing here runs in a pod.
  assert.deepEqual(values, [['n1'], []]);
});

interface ExemplarSeries {
  readonly exemplars: readonly { readonly labels: Readonly<Record<string, string>> }[];
}

/** Of the last minute. */
async function exemplarIds(expression: string): Promise<string[]> {
  const now = Date.now() / 1000;
  const parameters = new URLSearchParams({
    query: expression,
    start: String(now - 60),
    end: String(now + 60),
  });
  const response = await fetch(`http://${address}/api/v1/query_exemplars?${parameters}`);
  const { data } = (await response.json()) as { data: ExemplarSeries[] };
  return data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.process_id!));
}

test('an exemplar of the processes that failed leads to the process', { skip }, async () => {
  const { pid } = spawnSync('sh', ['-c', 'exit 126']);
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const ids = await exemplarIds('cognitod_workload_exits_total{code="126"}');
    const processes: ProcessJson[] = await Promise.all(
      ids.map(async (id) =>
        processSchema.parse(await (await fetch(`${agent.api}/api/v1/processes/${id}`)).json()),
      ),
    );
    assert.ok(processes.every((process) => process.exit_code === 126));
    if (processes.some((process) => process.pid === pid)) break;
    assert.ok(Date.now() < end, `${pid} is not among ${processes.map((process) => process.pid)}`);
    await sleep(200);
  }
});
