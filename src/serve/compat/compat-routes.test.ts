// The clients of the first cognitod against our server: what they need, strictly, and how they read streams.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { compatRoutes } from '../../api/index.ts';
import type { Metadata } from '../../identity/index.ts';
import { createApiServer } from '../api-server.ts';
import {
  apply,
  exec,
  exit,
  FakeAgent,
  fork,
  podIdentity,
  sampleStatus,
  shell,
  streamSettings,
} from '../fake-agent.fixture.ts';

async function start(t: TestContext, agent = new FakeAgent()) {
  const server = createApiServer({
    listen: { host: '127.0.0.1', port: 0 },
    tokens: null,
    view: agent,
    log: { error: () => {} },
    streams: streamSettings,
    closeTimeoutMs: 200,
  });
  t.after(() => server.close());
  const { url } = await server.listen();
  const get = async (path: string) => {
    const response = await fetch(url + path);
    return { status: response.status, body: (await response.json()) as unknown };
  };
  return { agent, url, get };
}

/** A pod with a shell, its child and a sibling. */
function populate(agent: FakeAgent) {
  const identity = podIdentity('1399d9c7', 'c1');
  agent.model.metadata.set(identity, {
    namespace: 'shop',
    podName: 'web-1',
    containerName: 'app',
    workload: { kind: 'Deployment', name: 'web' },
  } as unknown as Metadata);
  const init = agent.model.add({ uid: 7 });
  const parent = agent.model.addChild(init, { identity, execSeq: 1 });
  const sibling = agent.model.addChild(init);
  const child = agent.model.addChild(parent, { image: { ...shell, comm: 'worker' } });
  agent.usages.set(parent.pid, { cpuNs: 1e9, rssBytes: 80_000, cpuPercent: 25.123 });
  agent.usages.set(child.pid, { cpuNs: 1e9, rssBytes: 160_000, cpuPercent: null });
  return { init, parent, sibling, child };
}

/** What the clients of v0.3 deserialise, and fail without (COMPAT: client calls). */
const number = z.number();
const CLIENTS: Readonly<Record<string, z.ZodType>> = {
  '/status': z.object({
    cpu_pct: number,
    rss_mb: z.int(),
    events_per_sec: z.int(),
    rb_overflows: z.int(),
    rate_limited: z.int(),
    offline: z.boolean(),
    version: z.string(),
    uptime_s: z.int(),
    kernel_version: z.string(),
    aya_version: z.string(),
    transport: z.string(),
    active_rules: z.int(),
    probes: z.object({ rss_probe: z.string(), btf: z.boolean() }),
    reasoner: z.object({ configured: z.boolean() }),
    feedback_entries: z.int(),
    slack_stats: z.object({ sent: z.int(), failed: z.int(), approved: z.int(), denied: z.int() }),
    perf_poll_errors: z.int(),
    dropped_events_total: z.int(),
  }),
  '/processes': z
    .array(
      z.object({
        pid: z.int(),
        ppid: z.int(),
        comm: z.string(),
        cpu_pct: number.optional(),
        mem_pct: number.optional(),
      }),
    )
    .min(4),
  '/healthz': z.object({
    status: z.string(),
    kernel_instrumentation: z.literal('active'),
    transport: z.literal('tracepoint'),
  }),
  '/readyz': z.object({
    ready: z.boolean(),
    kernel_instrumentation: z.string(),
    transport: z.string(),
    btf_available: z.boolean(),
    rss_probe: z.string(),
    reason: z.string().nullable(),
  }),
  '/metrics': z.object({
    uptime_seconds: z.int(),
    events_per_sec: z.int(),
    dropped_events_total: z.int(),
    rss_probe_mode: z.string(),
    kernel_btf_available: z.boolean(),
    perf_poll_errors: z.int(),
    ilm_enabled: z.boolean(),
    alerts_generated: z.int(),
  }),
  '/system': z.object({
    timestamp: z.int(),
    cpu_percent: number,
    mem_percent: number,
    load_avg: z.tuple([number, number, number]),
    ...Object.fromEntries(
      ['disk_read_bytes', 'disk_write_bytes', 'net_rx_bytes', 'net_tx_bytes'].map((key) => [key, z.int()]),
    ),
    ...Object.fromEntries(
      ['cpu_some', 'memory_some', 'memory_full', 'io_some', 'io_full'].map((key) => [
        `psi_${key}_avg10`,
        number,
      ]),
    ),
  }),
  '/attribution?pod=web&namespace=shop&window=10': z.object({
    victim: z.object({ pod: z.literal('web'), namespace: z.literal('shop') }),
    window_minutes: z.literal(10),
    from: z.int(),
    to: z.int(),
    permalink: z.string().startsWith('/attribution?'),
    attributions: z.array(z.never()),
  }),
  '/insights': z.object({ summary: z.string(), risks: z.array(z.never()) }),
  '/insights/recent?limit=5': z.array(z.never()),
  '/incidents?limit=10': z.array(z.never()),
  '/timeline?start=1&end=2': z.array(z.never()),
  '/actions': z.array(z.never()),
  '/events?since=15m&rule=fork_storm': z.array(z.never()),
};
for (const [path, schema] of Object.entries(CLIENTS)) {
  test(`${path} has what its clients need`, async (t) => {
    const { agent, get } = await start(t);
    populate(agent);
    const { status, body } = await get(path);
    assert.equal(status, 200, JSON.stringify(body));
    const parsed = schema.safeParse(body);
    assert.ok(parsed.success, String(parsed.error));
  });
}

test('every document is as its schema says, and has nothing else', async (t) => {
  const { agent, get } = await start(t);
  const { parent } = populate(agent);
  for (const { path, stream, answer } of Object.values(compatRoutes)) {
    if (stream || path === '/incidents/:id') continue;
    const { status, body } = await get(`${path.replace(/:\w+/, String(parent.pid))}?pod=a&namespace=b`);
    assert.equal(status, 200, path);
    const parsed = answer.safeParse(body);
    assert.ok(parsed.success, `${path}: ${parsed.error}`);
    assert.deepEqual(parsed.data, body, path);
  }
});

test('drops are what was lost and what was skipped, of the kinds that were events then', async (t) => {
  const { agent, get } = await start(t);
  const { ledger } = sampleStatus;
  const exit = { ...ledger.exit, lost: 2, skipped: 5 };
  agent.status = () => ({
    ...sampleStatus,
    ledger: { ...ledger, exit, move: { ...ledger.move, lost: 100 } },
  });
  const metrics = (await get('/metrics')).body as Record<string, unknown>;
  assert.deepEqual(metrics.drops_by_type, [
    { event_type: 'fork', drops: 1 },
    { event_type: 'exec', drops: 1 },
    { event_type: 'exit', drops: 7 },
  ]);
  assert.equal(metrics.dropped_events_total, 9);
  const status = (await get('/status')).body as Record<string, unknown>;
  assert.deepEqual([status.rb_overflows, status.dropped_events_total], [9, 9]);
});

test('processes with pod, CPU and memory; filtered, sorted, one, and by parent', async (t) => {
  const { agent, get } = await start(t);
  const { init, parent, sibling, child } = populate(agent);
  const one = (await get(`/processes/${parent.pid}`)).body as Record<string, unknown>;
  assert.deepEqual(
    [one.cpu_pct, one.mem_pct, one.event_type, one.state, one.k8s],
    [
      25.12,
      1,
      'exec',
      'running',
      {
        pod_name: 'web-1',
        namespace: 'shop',
        container_name: 'app',
        owner_kind: 'Deployment',
        owner_name: 'web',
        priority: null,
        slo_tier: null,
      },
    ],
  );
  const pids = async (path: string) => ((await get(path)).body as { pid: number }[]).map(({ pid }) => pid);
  assert.deepEqual(await pids('/processes?filter=cpu_pct>20'), [parent.pid]);
  assert.deepEqual((await pids('/processes?sort=mem_pct:desc')).slice(0, 2), [child.pid, parent.pid]);
  assert.deepEqual(await pids(`/ppid/${init.pid}`), [parent.pid, sibling.pid]);
  assert.deepEqual(await pids('/ppid/4000000'), []);
  assert.equal((await get('/processes/4000000')).status, 404);
  assert.equal((await get('/processes?filter=cpu_pct>')).status, 400);
});

test('the graph of a process', async (t) => {
  const { agent, get } = await start(t);
  const { init, parent, sibling, child } = populate(agent);
  const { nodes } = (await get(`/graph/${parent.pid}`)).body as {
    nodes: { pid: number; relationship: string; level: number }[];
  };
  assert.deepEqual(
    nodes.map(({ pid, relationship, level }) => [pid, relationship, level]),
    [
      [parent.pid, 'self', 0],
      [init.pid, 'ancestor', -1],
      [sibling.pid, 'sibling', 0],
      [child.pid, 'descendant', 1],
    ],
  );
});

/** The lines of a stream until there are so many with data. */
function lines(url: string, wanted: number, opened: () => void): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, (response) => {
      let text = '';
      opened();
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
        if (text.split('\n').filter((line) => line.startsWith('data: ')).length < wanted) return;
        response.destroy();
        resolve(text.split('\n'));
      });
      response.on('error', () => {});
    });
    outgoing.on('error', reject).end();
  });
}

test('streams are data lines, comments and blanks, with every field that clients require', async (t) => {
  const { agent, url } = await start(t);
  const identity = podIdentity('1399d9c7', 'c1');
  for (const path of ['/stream', '/events']) {
    const read = await lines(url + path, 3, () =>
      setTimeout(
        () => agent.bus.publish([apply(fork(), 1, { identity }), apply(exec(), 2), apply(exit(), 3)]),
        20,
      ),
    );
    for (const line of read) assert.match(line, /^(?:data: \{.*\}|:.*|)$/);
    const events = read.filter((line) => line.startsWith('data: ')).map((line) => JSON.parse(line.slice(6)));
    for (const event of events) {
      const parsed = compatRoutes.compatStream.answer.safeParse(event);
      assert.ok(parsed.success, String(parsed.error));
      assert.deepEqual(parsed.data, event);
    }
    assert.deepEqual(
      events.map(({ event_type, event_type_name, exit_time_ns, tags }) => [
        event_type,
        event_type_name,
        exit_time_ns > 0,
        tags.length,
      ]),
      [
        [1, 'fork', false, 3],
        [0, 'exec', false, 0],
        [2, 'exit', true, 0],
      ],
    );
  }
});

test('alerts are a stream without events', async (t) => {
  const { agent, url } = await start(t);
  const response = await fetch(`${url}/alerts`);
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  agent.bus.publish([apply(fork())]);
  await response.body!.cancel();
});
