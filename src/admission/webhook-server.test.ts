import assert from 'node:assert/strict';
import { Agent, request } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { createAdmissionMetrics } from './admission-metrics.ts';
import { issueCertificate } from './certificates/issue.ts';
import { checkPair } from './certificates/pair.ts';
import { aPod, aReview, REFUSED, SHAPES } from './pods.fixture.ts';
import { readAnswer, reviewPod, SETTINGS, QUIET } from './reviewer.fixture.ts';
import { review } from './reviewer.ts';
import { createWebhookServer, type WebhookServerOptions } from './webhook-server.ts';

const HOST = 'cognitod-admission.ns.svc';
const TIMEOUT_MS = 400;

async function issue() {
  const { ca, cert, key } = await issueCertificate([HOST], Date.now(), 86_400_000);
  return { ca, pair: checkPair(cert, key) };
}

async function openServer(t: TestContext, options: Partial<WebhookServerOptions> = {}) {
  const errors: string[] = [];
  const metrics = createAdmissionMetrics(() => ({
    certificateNotAfterSeconds: 1,
    namespaces: 0,
    namespacesFollowed: true,
    native: true,
  }));
  const server = createWebhookServer({
    listen: { host: '127.0.0.1', port: 0 },
    review: (asked) =>
      review(asked, {
        rules: () => ({
          excludedNamespaces: new Set(),
          native: true,
          ptrace: true,
          podSecurityDefault: 'privileged',
        }),
        settings: SETTINGS,
        lookUp: () => QUIET,
      }),
    metrics,
    log: { error: (text) => void errors.push(text) },
    requestTimeoutMs: TIMEOUT_MS,
    ...options,
  });
  t.after(() => server.close());
  const { port } = await server.listen();
  const { ca, pair } = await issue();
  server.serve(pair);
  const agent = new Agent({ ca, servername: HOST, keepAlive: true });
  t.after(() => agent.destroy());
  return { server, port, ca, agent, metrics, errors };
}

/** A review or a problem document. */
interface Answered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly response: { readonly uid: string };
  readonly detail: string;
}

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly type?: string | null;
  readonly body?: string;
}

function send(
  port: number,
  agent: Agent,
  { method = 'POST', path = '/mutate', type = 'application/json', body }: Sent,
) {
  return new Promise<{ status: number; type: string; body: Answered }>((resolve, reject) => {
    const headers = type === null ? {} : { 'content-type': type };
    const outgoing = request({ host: '127.0.0.1', port, agent, method, path, headers }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const contentType = String(response.headers['content-type']);
        resolve({
          status: response.statusCode!,
          type: contentType,
          body: text === '' ? null : JSON.parse(text),
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

test('every shape of pod is answered over TLS as it is without, by its uid', async (t) => {
  const { port, agent, metrics } = await openServer(t);
  for (const [shape, pod] of Object.entries({ ...SHAPES, ...REFUSED })) {
    const { status, body } = await send(port, agent, { body: JSON.stringify(aReview(pod)) });
    assert.equal(status, 200, shape);
    assert.equal(body.apiVersion, 'admission.k8s.io/v1');
    assert.equal(body.kind, 'AdmissionReview');
    assert.equal(body.response.uid, '705ab4f5-6393-11e8-b7cc-42010a800002');
    const { patch, warnings } = await reviewPod(pod);
    assert.deepEqual(readAnswer(body), { patch, warnings }, shape);
  }
  const text = await metrics.text();
  const count = Object.keys(SHAPES).length;
  assert.match(
    text,
    new RegExp(`cognitod_admission_reviews_total\\{result="injected",dry_run="false"\\} ${count}\\n`),
  );
  assert.match(text, /cognitod_admission_reviews_total\{result="host-pid",dry_run="false"\} 1\n/);
  const total = count + Object.keys(REFUSED).length;
  assert.match(text, new RegExp(`cognitod_admission_review_duration_seconds_count ${total}\\n`));
});

test('what is no AdmissionReview is a 400 that says what is wrong', async (t) => {
  const { port, agent, metrics } = await openServer(t);
  const good = aReview(aPod());
  const asked = good.request as object;
  const bodies: [string, RegExp][] = [
    ['', /./],
    ['{', /./],
    ['null', /no AdmissionReview/],
    ['[]', /no AdmissionReview/],
    ['{}', /no AdmissionReview.*apiVersion/],
    [JSON.stringify({ ...good, apiVersion: 'admission.k8s.io/v1beta1' }), /apiVersion/],
    [JSON.stringify({ ...good, kind: 'Pod' }), /kind/],
    [JSON.stringify({ ...good, request: null }), /request/],
    [JSON.stringify({ ...good, request: { ...asked, uid: '' } }), /request\.uid/],
    [JSON.stringify({ ...good, request: { ...asked, operation: 1 } }), /request\.operation/],
    [`{"__proto__":{"x":1},${JSON.stringify(good).slice(1)}`, /./],
  ];
  for (const [body, detail] of bodies) {
    const answer = await send(port, agent, { body });
    assert.equal(answer.status, 400, body.slice(0, 80));
    assert.match(answer.type, /^application\/problem\+json/);
    assert.match(answer.body.detail, detail);
  }
  assert.match(
    await metrics.text(),
    new RegExp(`refused_requests_total\\{status="400"\\} ${bodies.length}\\n`),
  );
});

test('wrong methods, types and paths, and bodies that are too long, are refused in words', async (t) => {
  const { port, agent } = await openServer(t);
  const body = JSON.stringify(aReview(aPod()));
  const status = async (sent: Sent) => (await send(port, agent, { body, ...sent })).status;
  assert.equal(await status({ method: 'GET', body: '' }), 405);
  assert.equal(await status({ method: 'PUT' }), 405);
  assert.equal(await status({ path: '/metrics' }), 404);
  assert.equal(await status({ type: 'text/plain' }), 415);
  assert.equal(await status({ type: null }), 415);
  assert.equal(await status({ path: '/mutate?timeout=2s' }), 200);
  const limit = 4 * 1024 * 1024;
  const padded = (length: number) => body + ' '.repeat(length - body.length);
  assert.equal(await status({ body: padded(limit) }), 200);
  const sockets = new Agent({ ...agent.options, keepAlive: false });
  const long = await send(port, sockets, { body: padded(limit + 1) }).catch((error) => error);
  // The answer can be overtaken by the end of the connection while the rest is still being sent.
  assert.ok(long.status === 413 || /EPIPE|ECONNRESET/.test(long.code), String(long.status ?? long));
  assert.equal(await status({}), 200);
});

test('a fault of ours costs nobody a pod', async (t) => {
  const fault = async () => {
    throw new Error('a fault of the test');
  };
  const { port, agent, errors, metrics } = await openServer(t, { review: fault });
  const { status, body } = await send(port, agent, {
    body: JSON.stringify(aReview(aPod(), { dryRun: true })),
  });
  assert.equal(status, 200);
  const { patch, warnings } = readAnswer(body);
  assert.deepEqual(patch, []);
  assert.match(warnings[0]!, /its log has the reason/);
  assert.match(errors[0]!, /a fault of the test/);
  assert.match(await metrics.text(), /reviews_total\{result="failed",dry_run="true"\} 1\n/);
});

test('slow and half-open connections are cut in time, and others are answered meanwhile', async (t) => {
  const { port, agent, ca } = await openServer(t);
  const body = JSON.stringify(aReview(aPod()));
  const head = `POST /mutate HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  const tls = () => connectTls({ port, host: '127.0.0.1', ca, servername: HOST });
  const openings: Record<string, () => Socket> = {
    'no TLS at all': () => connectTcp(port, '127.0.0.1'),
    'half a handshake': () => {
      const socket = connectTcp(port, '127.0.0.1');
      socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
      return socket;
    },
    'half a head': () => {
      const socket = tls();
      socket.write(head.slice(0, 30));
      return socket;
    },
    'half a body': () => {
      const socket = tls();
      socket.write(head + body.slice(0, 50));
      return socket;
    },
  };
  const ended = Object.entries(openings).map(async ([name, open]) => {
    const socket = open();
    t.after(() => socket.destroy());
    socket.on('error', () => {}).resume();
    const began = performance.now();
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`${name}: still open`)), 10_000);
      socket.on('close', () => {
        clearTimeout(limit);
        resolve();
      });
    });
    assert.ok(performance.now() - began < 20 * TIMEOUT_MS, name);
  });
  for (let i = 0; i < 20; i++) assert.equal((await send(port, agent, { body })).status, 200);
  await Promise.all(ended);
  assert.equal((await send(port, agent, { body })).status, 200);
});

test('a client that takes every connection and asks nothing keeps nobody out', async (t) => {
  const { port, agent } = await openServer(t, { requestTimeoutMs: 20_000 });
  const body = JSON.stringify(aReview(aPod()));
  assert.equal((await send(port, agent, { body })).status, 200);
  const silent = Array.from({ length: 200 }, () => {
    // Another address than the one that asks.
    const socket = connectTcp({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    t.after(() => socket.destroy());
    return socket.on('error', () => {});
  });
  await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  const fresh = new Agent({ ...agent.options, keepAlive: false });
  for (let i = 0; i < 20; i++) {
    assert.equal((await send(port, agent, { body })).status, 200, 'on the connection that it has');
    assert.equal((await send(port, fresh, { body })).status, 200, 'on a new one');
  }
});

test('plain HTTP, old TLS and clients that do not trust the authority get no answer', async (t) => {
  const { port, ca } = await openServer(t);
  const outcome = (socket: Socket, event: string) =>
    new Promise<string>((resolve) => {
      socket.on(event, () => resolve(event)).on('error', () => resolve('refused'));
      socket.on('close', () => resolve('refused'));
    }).finally(() => socket.destroy());
  const plain = connectTcp(port, '127.0.0.1');
  plain.write('GET /mutate HTTP/1.1\r\nhost: a\r\n\r\n');
  assert.equal(await outcome(plain, 'nothing'), 'refused');
  const to = { port, host: '127.0.0.1', servername: HOST };
  assert.equal(await outcome(connectTls({ ...to, ca, maxVersion: 'TLSv1.1' }), 'secureConnect'), 'refused');
  assert.equal(await outcome(connectTls(to), 'secureConnect'), 'refused');
  assert.equal(await outcome(connectTls({ ...to, ca }), 'secureConnect'), 'secureConnect');
});

test('a new certificate is for new connections; those that are open go on', async (t) => {
  const { server, port, agent } = await openServer(t);
  const body = JSON.stringify(aReview(aPod()));
  assert.equal((await send(port, agent, { body })).status, 200);
  const next = await issue();
  server.serve(next.pair);
  assert.equal((await send(port, agent, { body })).status, 200);
  const fresh = new Agent({ ca: next.ca, servername: HOST });
  assert.equal((await send(port, fresh, { body })).status, 200);
  await assert.rejects(
    send(port, new Agent({ ...agent.options, keepAlive: false }), { body }),
    /certificate/,
  );
});

test('before there is a certificate no connection can be made', async (t) => {
  const { metrics } = await openServer(t);
  const server = createWebhookServer({
    listen: { host: '127.0.0.1', port: 0 },
    review: async () => assert.fail('nobody can ask'),
    metrics,
    log: { error: assert.fail },
  });
  t.after(() => server.close());
  const { port } = await server.listen();
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await assert.rejects(
    new Promise((resolve, reject) => socket.on('secureConnect', resolve).on('error', reject)),
  );
});

test('closing does not wait long for idle clients', async (t) => {
  const { server, port, ca } = await openServer(t);
  const idle = connectTls({ port, host: '127.0.0.1', ca, servername: HOST });
  await new Promise((resolve) => idle.on('secureConnect', resolve));
  idle.on('error', () => {});
  const began = performance.now();
  await server.close();
  assert.ok(performance.now() - began < 4000);
});
