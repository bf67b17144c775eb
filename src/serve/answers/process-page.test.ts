// Filters of process queries, and pages while processes come and go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_ANSWER_BYTES, processPageSchema, processQuerySchema } from '../../api/index.ts';
import { FakeAgent, FakeModel, podIdentity, shell } from '../fake-agent.fixture.ts';
import { measuredProcessPage, processPage } from './process-page.ts';

const ask = (model: FakeModel, query: Record<string, unknown> = {}, run = 'ab12') =>
  processPageSchema.parse(
    JSON.parse(JSON.stringify(processPage(model, processQuerySchema.parse(query), run))),
  );
const pids = (page: { processes: { pid: number }[] }) => page.processes.map(({ pid }) => pid);

test('every filter must match; pod and container also by their start', () => {
  const model = new FakeModel();
  const identity = podIdentity('1234-abcd', `e1${'f'.repeat(62)}`);
  const web = model.add({ identity, uid: 33, image: { ...shell, comm: 'nginx' } });
  const sidecar = model.add({ identity, uid: 0 });
  const host = model.add({ uid: 33 });
  assert.deepEqual(pids(ask(model)), [web.pid, sidecar.pid, host.pid]);
  assert.deepEqual(pids(ask(model, { pod: '1234' })), [web.pid, sidecar.pid]);
  assert.deepEqual(pids(ask(model, { pod: '1234-abcd', uid: '33' })), [web.pid]);
  assert.deepEqual(pids(ask(model, { container: 'e1f', comm: 'bash' })), [sidecar.pid]);
  assert.deepEqual(pids(ask(model, { comm: 'ngin' })), []);
  assert.deepEqual(pids(ask(model, { pid: host.pid })), [host.pid]);
});

test('an executable is named by its path, or by its file name in any directory', () => {
  const model = new FakeModel();
  const run = (executable: string | null) => model.add({ image: { ...shell, executable } }).pid;
  const [usr, local, none] = [run('/usr/bin/curl'), run('/opt/curl'), run(null)];
  run('/usr/bin/curl-config');
  assert.deepEqual(pids(ask(model, { executable: '/usr/bin/curl' })), [usr]);
  assert.deepEqual(pids(ask(model, { executable: 'curl' })), [usr, local]);
  for (const executable of ['bin/curl', '/usr/bin', 'cur', 'curl*', 'null', '/']) {
    assert.deepEqual(pids(ask(model, { executable })), [], executable);
  }
  assert.equal(pids(ask(model)).includes(none), true);
});

test('children are found by the id of their parent, those that ended too, and nobody else', () => {
  const model = new FakeModel();
  const parent = model.add();
  const id = model.processIdOf(parent);
  const child = model.addChild(parent);
  const ended = model.addChild(parent);
  model.end(ended);
  model.addChild(child);
  model.add({ parentPid: parent.pid, parentStartNs: parent.startNs + 1n });
  assert.deepEqual(pids(ask(model, { parent: id })), [child.pid]);
  assert.deepEqual(pids(ask(model, { parent: id, state: 'exited' })), [ended.pid]);
  assert.deepEqual(pids(ask(model, { parent: id, state: 'all' })), [child.pid, ended.pid]);
  model.end(parent);
  assert.deepEqual(pids(ask(model, { parent: id, state: 'exited' })), [ended.pid]);
  for (const other of ['x', String(parent.pid), `ffffffff${id.slice(8)}`])
    assert.deepEqual(pids(ask(model, { parent: other, state: 'all' })), [], other);
});

test('since and until select who ran in between, to the nanosecond', () => {
  const model = new FakeModel();
  const early = model.add({ startNs: 1_000_000_000n });
  const late = model.add({ startNs: 3_000_000_005n });
  const ended = model.add({ startNs: 1_000_000_000n });
  model.end(ended);
  // The fake's clock starts at 2023-11-14T22:13:20Z; `ended` ran from its second 1 to its second 2.
  const between = (since: string, until: string) =>
    pids(
      ask(model, { state: 'all', since: `2023-11-14T22:13:${since}`, until: `2023-11-14T22:13:${until}` }),
    );
  assert.deepEqual(between('20Z', '20.999999999Z'), []);
  assert.deepEqual(between('20Z', '21Z'), [early.pid, ended.pid]);
  assert.deepEqual(between('22.0Z', '23.000000004Z'), [early.pid, ended.pid]);
  assert.deepEqual(between('22.000000001Z', '23.000000004Z'), [early.pid]);
  assert.deepEqual(between('22.000000001Z', '23.000000005Z'), [early.pid, late.pid]);
  assert.deepEqual(pids(ask(model, { state: 'exited', since: '2023-11-15T00:13:22+02:00' })), [ended.pid]);
  assert.deepEqual(pids(ask(model, { until: '2023-11-14T22:13:21Z' })), [early.pid]);
  assert.deepEqual(pids(ask(model, { until: '1969-12-31T23:59:59.9Z' })), []);
});

test('a page that would be too large is shorter, and the next goes on where it ended', () => {
  const model = new FakeModel();
  // The worst that a kernel can give: each byte becomes six characters.
  const argv = ['\u0001'.repeat(32_768)];
  for (let count = 0; count < 200; count++) model.add({ image: { ...shell, argv } });
  const seen: number[] = [];
  let pages = 0;
  for (let cursor: string | null | undefined; cursor !== null; pages++) {
    const answer = processPage(
      model,
      processQuerySchema.parse({ limit: 1000, ...(cursor === undefined ? {} : { cursor }) }),
      'ab12',
    );
    const bytes = Buffer.byteLength(JSON.stringify(answer));
    assert.ok(bytes <= MAX_ANSWER_BYTES, `${bytes} bytes`);
    if (answer.next_cursor !== null) assert.ok(bytes > 0.95 * MAX_ANSWER_BYTES, 'no shorter than needed');
    seen.push(...pids(answer));
    cursor = answer.next_cursor;
  }
  assert.equal(pages, 3);
  assert.deepEqual(
    seen,
    model.live.map(({ pid }) => pid),
  );
});

test('state selects running, exited or both, in order of appearance', () => {
  const model = new FakeModel();
  const [a, b, c, d] = [model.add(), model.add(), model.add(), model.add()] as const;
  model.end(c);
  model.end(a);
  c.state = 'exit_unseen';
  assert.deepEqual(pids(ask(model)), [b.pid, d.pid]);
  assert.deepEqual(pids(ask(model, { state: 'exited' })), [a.pid, c.pid]);
  assert.deepEqual(pids(ask(model, { state: 'all' })), [a.pid, b.pid, c.pid, d.pid]);
});

test('pages answer every process that lives through them once, while others vanish and appear', () => {
  const model = new FakeModel();
  const made = Array.from({ length: 50 }, () => model.add());
  const seen: number[] = [];
  let cursor: string | null = null;
  let round = 0;
  do {
    const page = ask(model, { limit: 7, ...(cursor === null ? {} : { cursor }) });
    seen.push(...pids(page));
    cursor = page.next_cursor;
    // The last answered, one that comes later, and one before vanish; a new one appears, three times.
    const last = model.byPid(seen.at(-1)!)!;
    const later = model.live.find(({ serial }) => serial > last.serial + 3);
    for (const process of [last, later, model.live[0]]) if (process?.state === 'running') model.end(process);
    if (round++ < 3) made.push(model.add());
  } while (cursor !== null);
  assert.equal(new Set(seen).size, seen.length, 'nothing twice');
  const survivors = made.filter(({ state }) => state === 'running').map(({ pid }) => pid);
  assert.deepEqual(
    survivors.filter((pid) => !seen.includes(pid)),
    [],
  );
  assert.deepEqual(
    seen,
    seen.toSorted((x, y) => x - y),
  );
});

test('total counts all matches, and the last page has no cursor', () => {
  const model = new FakeModel();
  for (let count = 0; count < 10; count++) model.add();
  const first = ask(model, { limit: 5 });
  assert.equal(first.total, 10);
  const second = ask(model, { limit: 5, cursor: first.next_cursor });
  assert.equal(second.total, 10);
  assert.equal(second.processes.length, 5);
  assert.equal(second.next_cursor, null);
});

test('a cursor of another run, or one that nobody gave, is refused', () => {
  const model = new FakeModel();
  model.add();
  for (const cursor of ['cd34-1', 'ab12-x', '1', 'ab12-']) {
    assert.throws(() => ask(model, { cursor }), { code: 'BAD_REQUEST', message: /^cursor: / }, cursor);
  }
});

test('the newest first, by the time of their start', () => {
  const model = new FakeModel();
  const [a, b, c] = [model.add({ startNs: 20n }), model.add({ startNs: 30n }), model.add({ startNs: 10n })];
  assert.deepEqual(pids(ask(model, { sort: 'newest' })), [b.pid, a.pid, c.pid]);
  const first = ask(model, { sort: 'newest', limit: 2 });
  assert.deepEqual([pids(first), first.next_cursor, first.total], [[b.pid, a.pid], null, 3]);
  assert.throws(() => ask(model, { sort: 'newest', cursor: 'ab12-1' }), { code: 'BAD_REQUEST' });
});

test('a text is looked for in the command line, the user and the place, in any case', () => {
  const model = new FakeModel();
  const image = (changes: object) => ({ ...model.add().image, ...changes });
  const server = model.add({
    pid: 4711,
    uid: 65534,
    image: image({
      comm: 'nginx',
      executable: '/usr/sbin/NGINX-debug',
      argv: ['nginx:', 'worker', 'Process'],
    }),
    identity: podIdentity('1234-abcd', 'e'.repeat(64)),
  });
  model.metadata.set(server.identity, {
    namespace: 'payments',
    podName: 'api-7f9',
    containerName: 'web',
    workload: { kind: 'Deployment', name: 'api' },
  } as never);
  const other = model.add({ image: image({ comm: 'bash', executable: null, argv: null }) });
  const found = (text: string) => pids(ask(model, { text }));
  for (const text of [
    'worker process',
    'nginx-DEBUG',
    'NGINX',
    '4711',
    '65534',
    'payments',
    'api-7f9',
    'web',
    '1234-ab',
    'eeee',
  ]) {
    assert.deepEqual(found(text), [server.pid], text);
  }
  assert.ok(found('bash').includes(other.pid));
  assert.deepEqual(found('deployment/none'), []);
});

test('of a command line only the beginning is looked at', () => {
  const model = new FakeModel();
  const { image } = model.add();
  const long = model.add({ image: { ...image, argv: ['cc', 'x'.repeat(4090), 'needle'] } });
  assert.deepEqual(pids(ask(model, { text: 'cc xxx' })), [long.pid]);
  assert.deepEqual(pids(ask(model, { text: 'needle' })), []);
});

test('the largest by CPU or memory are first, on one page; others carry usage when asked', async () => {
  const agent = new FakeAgent();
  const [a, b, c] = [agent.model.add(), agent.model.add(), agent.model.add()];
  agent.usages.set(a.pid, { cpuNs: 0, rssBytes: 300, cpuPercent: 1 });
  agent.usages.set(b.pid, { cpuNs: 2.5e9, rssBytes: 100, cpuPercent: 2 });
  const measured = (query: Record<string, unknown>) =>
    measuredProcessPage(agent, processQuerySchema.parse(query), 'ab12');
  assert.deepEqual(pids(await measured({ sort: 'cpu' })), [b.pid, a.pid, c.pid]);
  const largest = await measured({ sort: 'memory', limit: 1 });
  assert.deepEqual([pids(largest), largest.next_cursor, largest.total], [[a.pid], null, 3]);
  await assert.rejects(measured({ sort: 'cpu', cursor: 'ab12-1' }), { code: 'BAD_REQUEST' });
  const page = await measured({ usage: 'true' });
  assert.deepEqual(
    page.processes.map(({ usage }) => usage),
    [
      { cpu_seconds: 0, cpu_percent: 1, rss_bytes: 300 },
      { cpu_seconds: 2.5, cpu_percent: 2, rss_bytes: 100 },
      null,
    ],
  );
  assert.equal((await measured({})).processes[0]!.usage, undefined);
});
