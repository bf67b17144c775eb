// Names from Docker and podman, and from servers that are not quite Docker.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { dockerFacts, parseDockerTime } from './docker-facts.ts';
import { DockerSource } from './docker-source.ts';
import { runtimeContract } from './runtime.contract.ts';
import { openFakeDocker, until } from './runtime.fixture.ts';

runtimeContract('docker', openFakeDocker, (options) => new DockerSource(options));

test('a container without a kubelet has its own name and no pod', () => {
  const entry = {
    Id: 'c1',
    Names: ['/other/alias', '/web'],
    Image: 'nginx',
    ImageID: 'sha256:1',
    State: 'running',
  };
  const { pods, containers, running } = dockerFacts([{ ...entry, Labels: { app: 'x' } }]);
  assert.deepEqual(pods, []);
  assert.deepEqual([...running], ['c1']);
  const [{ name, podUid, image, kind }] = containers as [(typeof containers)[number]];
  assert.deepEqual({ name, podUid, image, kind }, { name: 'web', podUid: null, image: 'nginx', kind: 'app' });
});

test('odd lists never throw, and what has no id is left out', () => {
  const keys = fc.constantFrom(
    'Id',
    'Names',
    'Labels',
    'State',
    'Image',
    'io.kubernetes.pod.uid',
    '__proto__',
  );
  const odd = fc.anything({ key: keys, maxDepth: 4 });
  fc.assert(
    fc.property(fc.array(odd), (list) => {
      for (const { id } of dockerFacts(list, { labels: ['*'], annotations: ['*'] }).containers) assert.ok(id);
    }),
  );
});

test('a container that never started has no start', () => {
  assert.equal(parseDockerTime('0001-01-01T00:00:00Z'), null);
  assert.equal(parseDockerTime('rubbish'), null);
  assert.equal(parseDockerTime(7), null);
  assert.equal(parseDockerTime('2026-02-03T04:05:06.789012345Z'), '2026-02-03T04:05:06.789012345Z');
});

test('the same container started again gets its new start', async (t) => {
  const fake = openFakeDocker(t);
  const container = { id: 'c1', podUid: '', name: 'web', image: 'nginx', running: true };
  fake.state.containers = [{ ...container, startedAt: '2026-01-01T00:00:00Z' }];
  await fake.listen();
  let start: string | null = null;
  const source = new DockerSource({ socket: fake.socket, intervalMs: 50 });
  t.after(() => source.close());
  source.start({
    replace: (_, _pods, containers) => {
      start = containers[0]!.startedAt;
    },
    upsert: assert.fail,
    remove: assert.fail,
  });
  await until(() => start === '2026-01-01T00:00:00Z', 'the first start');
  fake.state.containers = [{ ...container, running: false, startedAt: '2026-01-01T00:00:00Z' }];
  const looks = fake.state.listsMs.length;
  await until(() => fake.state.listsMs.length > looks + 1, 'the end is seen');
  fake.state.containers = [{ ...container, startedAt: '2026-01-02T00:00:00Z' }];
  await until(() => start === '2026-01-02T00:00:00Z', 'the second start');
});

async function failWith(t: TestContext, answer: (response: ServerResponse) => void) {
  const fake = openFakeDocker(t);
  fake.answer = answer;
  await fake.listen();
  const source = new DockerSource({ socket: fake.socket, intervalMs: 50, timeoutMs: 10_000 });
  t.after(() => source.close());
  source.start({ replace: () => assert.fail('nothing to tell'), upsert: assert.fail, remove: assert.fail });
  await until(() => source.status().failures > 0, 'the failure');
  return source.status();
}

test('broken JSON, a failing server, a refusal and a broken connection each have their state', async (t) => {
  const broken = await failWith(t, (response) => response.end('[{"Id": "c1"'));
  assert.equal(broken.state, 'misconfigured');
  assert.match(broken.reason!, /no JSON/);
  const failing = await failWith(t, (response) => response.writeHead(500).end('{"message":"disk full"}'));
  assert.equal(failing.state, 'unreachable');
  assert.match(failing.reason!, /status 500.*disk full/);
  assert.equal((await failWith(t, (response) => response.writeHead(403).end())).state, 'no-permission');
  assert.equal((await failWith(t, (response) => response.destroy())).state, 'unreachable');
  assert.equal((await failWith(t, (response) => response.end('{}'))).state, 'misconfigured');
});

test('an answer that is too large is cut off', async (t) => {
  const { state, reason } = await failWith(t, (response) =>
    response.end(Buffer.alloc(40 * 1024 * 1024, ' ')),
  );
  assert.equal(state, 'misconfigured');
  assert.match(reason!, /larger than/);
});
