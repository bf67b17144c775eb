import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { FakeKube } from '../../identity/kube/fake-kube.fixture.ts';
import { KUBE_TIMES, KubeClient } from '../../identity/kube/index.ts';
import { ObjectStore } from '../object-store.fixture.ts';
import type { Pair } from './pair.ts';
import { CertificateSecret } from './secret.ts';
import { SelfMadeCertificate } from './self-made.ts';
import { WebhookConfiguration } from './webhook-configuration.ts';

const DAY_MS = 86_400_000;
const NAMES = ['cognitod-admission.ns.svc'];
const SECRET = '/api/v1/namespaces/ns/secrets/tls';
const WEBHOOK = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/webhook';

async function openCluster(t: TestContext) {
  const fake = await new FakeKube().listen();
  const store = new ObjectStore();
  fake.others = store.handle;
  t.after(() => fake.stop());
  // As a chart makes them.
  store.put(SECRET, { metadata: { name: 'tls', labels: { chart: 'cognitod' } }, type: 'Opaque' });
  store.put(WEBHOOK, {
    metadata: { name: 'webhook' },
    webhooks: [
      { name: 'inject.sidecar.linnix.io', timeoutSeconds: 2, clientConfig: { service: { name: 's' } } },
    ],
  });
  return { fake, store };
}

function openReplica(t: TestContext, fake: FakeKube, clock: { ms: number }, names = NAMES) {
  const client = new KubeClient(fake.target(), KUBE_TIMES, () => {});
  const said: string[] = [];
  const served: Pair[] = [];
  const certificate = new SelfMadeCertificate({
    secret: new CertificateSecret(client, 'ns', 'tls'),
    configuration: new WebhookConfiguration(client, 'webhook'),
    names,
    times: { settleMs: 20, lookMs: 150 },
    now: () => clock.ms,
  });
  t.after(async () => {
    client.close();
    await certificate.close();
  });
  const listener = {
    serve: (pair: Pair) => void served.push(pair),
    info: (text: string) => void said.push(text),
    warn: (text: string) => void said.push(`warning: ${text}`),
  };
  return { certificate, said, served, listener, look: () => certificate.look(listener) };
}

const data = (store: ObjectStore, key: string) =>
  Buffer.from(store.objects.get(SECRET)?.data?.[key] ?? '', 'base64').toString();
const bundle = (store: ObjectStore) =>
  Buffer.from(store.objects.get(WEBHOOK)!.webhooks![0]!.clientConfig.caBundle ?? '', 'base64').toString();
const authorities = (text: string) => text.match(/BEGIN CERTIFICATE/g)?.length ?? 0;

/** As the API server does: some authority of the bundle has signed what is served. */
function isTrusted(store: ObjectStore, { cert }: Pair): boolean {
  const leaf = new X509Certificate(cert);
  const blocks = bundle(store).match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
  return blocks.some((block) => leaf.verify(new X509Certificate(block).publicKey));
}

test('the first certificate goes into the Secret, its authority into the webhook configuration, then it is served', async (t) => {
  const { fake, store } = await openCluster(t);
  const clock = { ms: Date.now() };
  const { look, served, said } = openReplica(t, fake, clock);
  await look();
  assert.equal(served.length, 1);
  assert.ok(isTrusted(store, served[0]!));
  assert.equal(data(store, 'tls.crt'), served[0]!.cert);
  assert.deepEqual(store.objects.get(SECRET)!.metadata.labels, { chart: 'cognitod' });
  const [webhook] = store.objects.get(WEBHOOK)!.webhooks!;
  assert.equal(webhook!.timeoutSeconds, 2);
  assert.deepEqual(webhook!.clientConfig.service, { name: 's' });
  const writes = store.requests.filter((request) => !request.startsWith('GET'));
  assert.deepEqual(writes, [`PATCH ${SECRET}`, `PATCH ${WEBHOOK}`]);
  await look();
  assert.equal(
    store.requests.filter((request) => !request.startsWith('GET')).length,
    2,
    'nothing more is written',
  );
  assert.equal(served.length, 1);
  assert.ok(!said.join().includes('PRIVATE'));
});

test('the Secret is made where there is none', async (t) => {
  const { fake, store } = await openCluster(t);
  store.remove(SECRET);
  const { look, served } = openReplica(t, fake, { ms: Date.now() });
  await look();
  assert.equal(data(store, 'tls.crt'), served[0]!.cert);
});

test('over two years the certificate is renewed before it is over, is always trusted, and authorities that are over go', async (t) => {
  const { fake, store } = await openCluster(t);
  const clock = { ms: Date.now() };
  const replicas = [openReplica(t, fake, clock), openReplica(t, fake, clock)];
  for (let day = 0; day < 730; day += 5) {
    clock.ms += 5 * DAY_MS;
    for (const { look, served } of replicas) {
      await look();
      for (const replica of replicas.filter(({ served }) => served.length > 0)) {
        const last = replica.served.at(-1)!;
        assert.ok(isTrusted(store, last), `day ${day}`);
        assert.ok(last.notAfterMs > clock.ms + 25 * DAY_MS, `day ${day}`);
      }
      assert.ok(served.length > 0);
    }
    assert.ok(authorities(bundle(store)) <= 3);
  }
  for (const { served } of replicas)
    assert.ok(served.length >= 12 && served.length <= 14, `${served.length}`);
});

test('replicas that start and renew at once agree on one certificate', async (t) => {
  const { fake, store } = await openCluster(t);
  const clock = { ms: Date.now() };
  const replicas = Array.from({ length: 5 }, () => openReplica(t, fake, clock));
  for (let round = 0; round < 4; round++) {
    await Promise.all(replicas.map(({ look }) => look()));
    const serials = replicas.map(({ served }) => new X509Certificate(served.at(-1)!.cert).serialNumber);
    assert.equal(new Set(serials).size, 1, 'all serve the same');
    assert.ok(replicas.every(({ served }) => isTrusted(store, served.at(-1)!)));
    assert.equal(bundle(store), data(store, 'ca.crt'));
    assert.equal(authorities(bundle(store)), Math.min(round + 1, 2), 'renewed once');
    clock.ms += 61 * DAY_MS;
  }
});

test('a replica that was held up does not put back older authorities', async (t) => {
  const { fake, store } = await openCluster(t);
  const clock = { ms: Date.now() };
  const [slow, fast] = [openReplica(t, fake, clock), openReplica(t, fake, clock)] as const;
  await slow.look();
  clock.ms += 61 * DAY_MS;
  // The other one renews while this one is about to write its configuration.
  let isFirst = true;
  const gate = Promise.withResolvers<void>();
  store.objects.set(WEBHOOK, {
    ...store.objects.get(WEBHOOK)!,
    webhooks: [{ name: 'inject.sidecar.linnix.io', clientConfig: {} }],
  });
  store.before = (method, path) => {
    if (method !== 'PATCH' || path !== WEBHOOK || !isFirst) return;
    isFirst = false;
    const object = store.objects.get(WEBHOOK)!;
    store.put(WEBHOOK, object);
    gate.resolve();
  };
  await Promise.all([slow.look(), gate.promise.then(() => fast.look())]);
  assert.equal(bundle(store), data(store, 'ca.crt'));
  for (const { served } of [slow, fast]) assert.ok(isTrusted(store, served.at(-1)!));
});

test('a certificate that is broken, for other names or without its authority is made anew', async (t) => {
  const { fake, store } = await openCluster(t);
  const clock = { ms: Date.now() };
  const first = openReplica(t, fake, clock);
  await first.look();
  const good = store.objects.get(SECRET)!.data!;
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const faults = [
    { ...good, 'tls.crt': base64('nothing') },
    { ...good, 'tls.key': base64('nothing') },
    { ...good, 'ca.crt': '' },
    {},
  ];
  for (const broken of faults) {
    store.put(SECRET, { ...store.objects.get(SECRET)!, data: broken });
    const replica = openReplica(t, fake, clock);
    await replica.look();
    assert.match(replica.said[0]!, /a new certificate was made, because/);
    assert.ok(isTrusted(store, replica.served[0]!));
  }
  const renamed = openReplica(t, fake, clock, ['other.ns.svc']);
  await renamed.look();
  assert.match(renamed.said[0]!, /not for other\.ns\.svc/);
});

test('what fails is said once, tried again, and what is served goes on', async (t) => {
  const { fake, store } = await openCluster(t);
  const replica = openReplica(t, fake, { ms: Date.now() });
  store.forbidden.add(`PATCH ${SECRET}`);
  replica.certificate.start(replica.listener);
  await until(() => store.requests.filter((request) => request === `PATCH ${SECRET}`).length >= 3);
  assert.match(replica.certificate.reason!, /forbids to patch secrets.*forbidden by the test/);
  assert.equal(replica.said.filter((text) => text.startsWith('warning')).length, 1);
  assert.equal(replica.served.length, 0);
  store.forbidden.clear();
  await until(() => replica.served.length === 1 && replica.certificate.reason === null);
  fake.faults.push(
    { kind: 'status', status: 500 },
    { kind: 'drop' },
    { kind: 'drop' },
    { kind: 'body', body: '{' },
  );
  await until(() => fake.faults.length === 0 && replica.certificate.reason === null);
  store.remove(WEBHOOK);
  await until(() => replica.certificate.reason !== null);
  assert.match(replica.certificate.reason!, /no webhook configuration/);
  assert.ok(!replica.said.join().includes('PRIVATE'));
});

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 10_000; !holds(); ) {
    if (performance.now() > end) throw new Error(`not in time: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
