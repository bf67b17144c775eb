// Opening listeners: what people read when it fails, and that an open address needs a token.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApiServer } from '../serve/api-server.ts';
import { FakeAgent, streamSettings, metricsSource } from '../serve/fake-agent.fixture.ts';
import { createMetrics } from '../serve/metrics/metrics.ts';
import { createOpsServer } from './ops-server.ts';

const log = { error: () => {} };
const api = (host: string, port = 0, token: string | null = null) =>
  createApiServer({
    listen: { host, port },
    tokens: token === null ? null : { read: () => token, admin: null },
    view: new FakeAgent(),
    log,
    streams: streamSettings,
  });
const metrics = createMetrics(metricsSource());
const ops = (host: string, port = 0) =>
  createOpsServer({ listen: { host, port }, view: new FakeAgent(), metrics, log });

test('port 0 yields a real port, on the address that was asked for', async (t) => {
  const server = api('localhost');
  t.after(() => server.close());
  const bound = await server.listen();
  assert.equal(bound.host, '127.0.0.1');
  assert.ok(bound.port > 0);
  assert.equal(bound.url, `http://127.0.0.1:${bound.port}`);
});

test('an address that is taken is named, with the flag and the key that change it', async (t) => {
  const holder = api('127.0.0.1');
  t.after(() => holder.close());
  const { port } = await holder.listen();
  const second = api('127.0.0.1', port);
  await assert.rejects(second.listen(), {
    code: 'LISTEN_FAILED',
    message: `the API listener cannot open 127.0.0.1:${port}: another program holds this address, perhaps another cognitod`,
    hint: 'choose another address with --api-listen or api.listen',
  });
  await second.close();
  const third = ops('127.0.0.1', port);
  await assert.rejects(third.listen(), { code: 'LISTEN_FAILED', hint: /--ops-listen or ops\.listen/ });
  await third.close();
});

test('an address that this machine does not have, and a name that nobody knows, are named', async () => {
  await assert.rejects(ops('192.0.2.1').listen(), {
    code: 'LISTEN_FAILED',
    message: /192\.0\.2\.1:0: this machine has no such address/,
  });
  await assert.rejects(ops('no-such-host.invalid').listen(), {
    code: 'LISTEN_FAILED',
    message: /no-such-host\.invalid:0: /,
  });
});

test('the API listener needs a token outside loopback, the operations listener does not', async (t) => {
  for (const host of ['0.0.0.0', '::']) {
    await assert.rejects(api(host).listen(), { code: 'TOKEN_REQUIRED', hint: /api\.token_file/ });
  }
  const open = api('0.0.0.0', 0, 'secret');
  const operations = ops('0.0.0.0');
  t.after(() => Promise.all([open.close(), operations.close()]));
  assert.ok((await open.listen()).port > 0);
  assert.ok((await operations.listen()).port > 0);
});

test('close is idempotent, also without listen', async () => {
  const server = api('127.0.0.1');
  await Promise.all([server.close(), server.close()]);
  await ops('127.0.0.1').close();
});
