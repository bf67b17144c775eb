// Names from a runtime that comes late, goes away, does not speak CRI, or says odd things.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import fc from 'fast-check';
import type { ContainerFacts, PodFacts } from '../metadata/index.ts';
import { type CriContainer, type CriSandbox, criFacts } from './cri-facts.ts';
import { formatUnixNs } from './cri-client.ts';
import { CriSource } from './cri-source.ts';
import { runtimeContract } from './runtime.contract.ts';
import { openFakeCri } from './runtime.fixture.ts';

runtimeContract('cri', openFakeCri, (options) => new CriSource(options));

const sandbox: CriSandbox = { id: 's1', metadata: { name: 'api-1', uid: 'u1', namespace: 'shop' } };
const container: CriContainer = {
  id: 'c1',
  pod_sandbox_id: 's1',
  metadata: { name: 'main', attempt: 2 },
  image: { image: 'api:1' },
  image_ref: 'sha256:1',
  annotations: { 'io.kubernetes.container.restartCount': '3' },
};

// biome-ignore lint/suspicious/noExplicitAny: the package is made at run time
const cri: any = loadPackageDefinition(
  loadSync(join(import.meta.dirname, 'cri.proto'), { keepCase: true, defaults: true }),
);

async function serve(socket: string, state: { items: object[]; containers: object[] } | null) {
  const server = new Server();
  if (state !== null) {
    server.addService(cri.runtime.v1.RuntimeService.service, {
      ListPodSandbox: (_: unknown, done: (error: null, answer: object) => void) => done(null, state),
      ListContainers: (_: unknown, done: (error: null, answer: object) => void) => done(null, state),
    });
  }
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    ),
  );
  return server;
}

function open(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'cognitod-cri-'));
  const socket = join(directory, 'cri.sock');
  const source = new CriSource({ socket, intervalMs: 50 });
  const told: { pods: readonly PodFacts[]; containers: readonly ContainerFacts[] }[] = [];
  const servers: Server[] = [];
  t.after(async () => {
    await source.close();
    for (const server of servers) server.forceShutdown();
    rmSync(directory, { recursive: true });
  });
  source.start({
    replace: (_, pods, containers) => told.push({ pods, containers }),
    upsert: () => assert.fail('a polling source replaces'),
    remove: () => assert.fail('a polling source replaces'),
  });
  return { source, socket, told, servers };
}

async function until(holds: () => boolean, what: string) {
  for (const end = Date.now() + 20_000; !holds(); ) {
    assert.ok(Date.now() < end, `in 20 s not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('pods, sandboxes and containers are told with what the runtime knows', () => {
  const { pods, containers } = criFacts([sandbox], [container]);
  assert.deepEqual(
    pods.map(({ uid, namespace, name }) => [uid, namespace, name]),
    [['u1', 'shop', 'api-1']],
  );
  assert.deepEqual(
    containers.map(({ id, podUid, name, kind, image, imageId, restartCount }) => [
      id,
      podUid,
      name,
      kind,
      image,
      imageId,
      restartCount,
    ]),
    [
      ['s1', 'u1', null, 'sandbox', null, null, null],
      ['c1', 'u1', 'main', 'app', 'api:1', 'sha256:1', 3],
    ],
  );
});

test('an image that was asked for by its id is told by the name in the spec', () => {
  const id = `sha256:${'1'.repeat(64)}`;
  const image = (image: object | null) =>
    criFacts([sandbox], [{ ...container, image: image as CriContainer['image'] }]).containers[1]!.image;
  assert.equal(image({ image: id, user_specified_image: 'shop/api:2' }), 'shop/api:2');
  assert.equal(image({ image: '1'.repeat(64), user_specified_image: 'shop/api:2' }), 'shop/api:2');
  assert.equal(image({ image: '', user_specified_image: 'shop/api:2' }), 'shop/api:2');
  assert.equal(
    image({ image: 'docker.io/shop/api:2', user_specified_image: 'shop/api' }),
    'docker.io/shop/api:2',
  );
  assert.equal(image({ image: `api@${id}`, user_specified_image: 'x' }), `api@${id}`);
  assert.equal(image({ image: id, user_specified_image: '' }), id);
  assert.equal(image(null), null);
});

test('the fields of the protocol have the numbers of the public definition', () => {
  const numbers = (message: string) =>
    Object.fromEntries(
      cri.runtime.v1[message].type.field.map(({ name, number }: { name: string; number: number }) => [
        name,
        number,
      ]),
    );
  assert.deepEqual(numbers('ImageSpec'), { image: 1, user_specified_image: 18 });
  assert.deepEqual(numbers('ContainerStatus'), { id: 1, started_at: 5, image: 8 });
});

test('odd answers never throw, and a container without its pod is left out', () => {
  const text = fc.string();
  const anySandbox = fc.record({
    id: text,
    metadata: fc.option(fc.record({ name: text, uid: text, namespace: text })),
  });
  const anyContainer = fc.record({
    id: text,
    pod_sandbox_id: text,
    metadata: fc.option(fc.record({ name: text, attempt: fc.nat() })),
    image: fc.option(fc.record({ image: text })),
    image_ref: text,
    annotations: fc.dictionary(fc.constant('io.kubernetes.container.restartCount'), text),
  });
  fc.assert(
    fc.property(fc.array(anySandbox), fc.array(anyContainer), (sandboxes, containers) => {
      const facts = criFacts(sandboxes, containers);
      const uids = new Set(facts.pods.map(({ uid }) => uid));
      for (const { podUid } of facts.containers) assert.ok(uids.has(podUid!));
    }),
  );
});

test('a runtime that is not there yet is waited for, and one that restarts is found again', async (t) => {
  const { source, socket, told, servers } = open(t);
  await until(() => source.status().state === 'unreachable', 'the missing socket is the reason');
  assert.match(source.status().reason!, /does not answer/);
  const state = { items: [sandbox], containers: [container] };
  servers.push(await serve(socket, state));
  await until(() => source.status().state === 'ok', 'the runtime answers');
  assert.equal(told.length, 1);
  assert.equal(told[0]!.pods[0]!.name, 'api-1');

  servers[0]!.forceShutdown();
  await until(() => source.status().state === 'unreachable', 'the loss of the runtime is seen');
  rmSync(socket, { force: true });
  servers.push(await serve(socket, { items: [], containers: [] }));
  await until(() => told.length === 2, 'the restarted runtime is asked');
  assert.deepEqual(told[1], { pods: [], containers: [] });
  assert.equal(source.status().state, 'ok');
  assert.ok(source.status().failures > 0);
});

test('what did not change is told once, and a hint finds what is new', async (t) => {
  const { source, socket, told, servers } = open(t);
  const state = { items: [sandbox], containers: [] as CriContainer[] };
  servers.push(await serve(socket, state));
  await until(() => source.status().requests > 8, 'several looks');
  assert.equal(told.length, 1);
  state.containers.push(container);
  source.hint();
  await until(() => told.length === 2, 'the new container');
  assert.equal(told[1]!.containers.length, 2);
});

test('a server that does not speak CRI is a misconfiguration that says so', async (t) => {
  const { source, socket, servers } = open(t);
  servers.push(await serve(socket, null));
  await until(() => source.status().state === 'misconfigured', 'the state');
  assert.match(source.status().reason!, /does not speak CRI v1/);
});

test('annotations, which whoever makes a pod can write, give it no uid of another', () => {
  const metadata = { name: 'liar', uid: 'u2', namespace: 'shop' };
  const annotations = {
    'kubernetes.io/config.hash': 'u1',
    'kubernetes.io/config.mirror': 'u1',
    'kubernetes.io/config.source': 'file',
  };
  const { pods, containers } = criFacts([sandbox, { id: 's2', metadata, annotations }], [container]);
  assert.deepEqual(
    pods.map(({ uid, name }) => [uid, name]),
    [
      ['u1', 'api-1'],
      ['u2', 'liar'],
    ],
  );
  assert.deepEqual(
    containers.map(({ id, podUid }) => [id, podUid]),
    [
      ['s1', 'u1'],
      ['s2', 'u2'],
      ['c1', 'u1'],
    ],
  );
});

test('of several sandboxes of a pod the newest speaks, and containers of all are kept', () => {
  const metadata = { name: 'api-1', uid: 'u1', namespace: 'shop' };
  const sandboxes: CriSandbox[] = [
    { id: 's2', metadata: { ...metadata, attempt: 1 }, labels: { try: 'second' } },
    { id: 's1', metadata: { ...metadata, attempt: 0 }, labels: { try: 'first' } },
  ];
  const { pods, containers } = criFacts(sandboxes, [container], { labels: ['*'] });
  assert.deepEqual({ ...pods[0]!.labels }, { try: 'second' });
  assert.deepEqual(containers.map(({ id }) => id).sort(), ['c1', 's1', 's2']);
});

test('a start is told in RFC 3339, none before it', () => {
  assert.equal(formatUnixNs('1770091506789012345'), '2026-02-03T04:05:06.789Z');
  assert.equal(formatUnixNs('0'), null);
  assert.equal(formatUnixNs('-1'), null);
  assert.match(formatUnixNs('9223372036854775807')!, /^2262-/);
});
