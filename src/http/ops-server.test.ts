// The operations listener: probes and metrics, nothing else, no token.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { problemSchema } from '../api/index.ts';
import { FakeAgent, metricsSource, sampleStatus } from '../serve/fake-agent.fixture.ts';
import { createMetrics } from '../serve/metrics/metrics.ts';
import { createOpsServer } from './ops-server.ts';

async function start(t: { after(end: () => Promise<void>): void }, agent = new FakeAgent()) {
  const metrics = createMetrics({ ...metricsSource(agent), status: () => agent.status() });
  const server = createOpsServer({
    listen: { host: '127.0.0.1', port: 0 },
    view: agent,
    metrics,
    log: { error: () => {} },
  });
  t.after(() => server.close());
  return (await server.listen()).url;
}

test('healthz says ok, readyz says ready or 503 with the reasons', async (t) => {
  const agent = new FakeAgent();
  const url = await start(t, agent);
  assert.deepEqual(await (await fetch(`${url}/healthz`)).json(), { status: 'ok' });
  const ready = await fetch(`${url}/readyz`);
  assert.equal(ready.status, 200);
  assert.deepEqual(await ready.json(), { ready: true, reasons: [] });
  agent.ready = { ready: false, reasons: ['no BPF'] };
  const blind = await fetch(`${url}/readyz?probe=1`);
  assert.equal(blind.status, 503);
  assert.deepEqual(await blind.json(), { ready: false, reasons: ['no BPF'] });
});

test('metrics are Prometheus text', async (t) => {
  const url = await start(t);
  const response = await fetch(`${url}/metrics`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/);
  assert.match(
    await response.text(),
    new RegExp(`^cognitod_build_info\\{version="${sampleStatus.version}"`, 'm'),
  );
});

test('OpenMetrics goes to who prefers it, Prometheus text to everybody else', async (t) => {
  const url = await start(t);
  const typeFor = async (accept: string) => {
    const response = await fetch(`${url}/metrics`, { headers: { accept } });
    const type = response.headers.get('content-type')!;
    const text = await response.text();
    assert.equal(text.endsWith('\n# EOF\n'), type.startsWith('application/openmetrics-text; version=1.0.0'));
    assert.equal(response.headers.get('vary'), 'Accept');
    return type.split(';')[0];
  };
  const [open, plain] = ['application/openmetrics-text', 'text/plain'];
  // Prometheus 2.42 and 3.
  const prometheus =
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';
  const prometheus3 =
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
  for (const [accept, type] of [
    [prometheus, open],
    [prometheus3, open],
    ['*/*', plain],
    ['', plain],
    ['text/html', plain],
    ['text/plain;version=0.0.4', plain],
    ['text/plain,application/openmetrics-text;q=0.5', plain],
    ['application/openmetrics-text;q=0, */*', plain],
    ['application/openmetrics-text;q=x, ;;,"', plain],
    ['/,;=,'.repeat(500), plain],
  ] as const)
    assert.equal(await typeFor(accept), type, accept);
});

test('a name in the Host header is fine, and there are no other routes', async (t) => {
  const url = await start(t);
  for (const path of ['/api/v1/status', '/api/v1/processes', '/']) {
    const response = await fetch(`${url}${path}`);
    assert.equal(response.status, 404);
    assert.equal(problemSchema.parse(await response.json()).code, 'NOT_FOUND');
  }
});

test('a failure of the agent is a problem without its details', async (t) => {
  const agent = new FakeAgent();
  agent.status = () => {
    throw new Error('secret path /root/x');
  };
  const response = await fetch(`${await start(t, agent)}/metrics`);
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /secret|\.ts/);
});

test('scrapes at the same time are made once, and a later one anew', async (t) => {
  let made = 0;
  const held = Promise.withResolvers<void>();
  const server = createOpsServer({
    listen: { host: '127.0.0.1', port: 0 },
    view: new FakeAgent(),
    metrics: {
      async text() {
        made++;
        await held.promise;
        return `made ${made}\n`;
      },
    },
    log: { error: () => {} },
  });
  t.after(() => server.close());
  const { url, port } = await server.listen();
  // In one piece, so that all are there before the first is answered.
  const socket = connect(port, '127.0.0.1');
  t.after(async () => void socket.destroy());
  socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3));
  while (made === 0) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  held.resolve();
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (text.split('made ').length === 4) break;
  }
  assert.deepEqual(text.match(/made \d/g), ['made 1', 'made 1', 'made 1']);
  assert.equal(await (await fetch(`${url}/metrics`)).text(), 'made 2\n');
});
