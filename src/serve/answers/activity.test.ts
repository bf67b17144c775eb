// The answer about activity: places in order, filters, resources of live processes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { activityQuerySchema, activitySchema } from '../../api/index.ts';
import type { Usage } from '../../collect/index.ts';
import { activityJson } from './activity.ts';
import { exec, exit, FakeAgent, fork, podIdentity } from '../fake-agent.fixture.ts';

const usage = (changes: Partial<Usage> = {}): Usage => ({
  cpuNs: 2_000_000_000,
  rssBytes: 4096,
  cpuPercent: 12.5,
  ...changes,
});

async function ask(agent: FakeAgent, query: Record<string, unknown> = {}) {
  const answer = await activityJson(agent, activityQuerySchema.parse(query));
  return activitySchema.parse(JSON.parse(JSON.stringify(answer)));
}

test('the busiest place of the last seconds is first; each has what lives in it', async () => {
  const agent = new FakeAgent();
  const [web, batch] = [podIdentity('web', 'c1'), podIdentity('batch', 'c2')];
  const [first, second] = [agent.model.add({ identity: web }), agent.model.add({ identity: web })];
  agent.model.add({ kernelThread: true });
  for (let count = 0; count < 5; count++) agent.activity.note(fork(), web);
  agent.nowMs += 60_000;
  agent.activity.tick();
  agent.activity.note(exec(), batch);
  agent.activity.note(exit({ exitCode: null, exitSignal: 9 }), batch);
  agent.nowMs += 1000;
  agent.usages.set(first.pid, usage()).set(second.pid, usage({ cpuPercent: null }));

  const answer = await ask(agent);
  assert.deepEqual(
    answer.places.map(({ place, pod_uid, running }) => [place, pod_uid, running]),
    [
      ['pod', 'batch', 0],
      ['pod', 'web', 2],
      ['kernel', null, 1],
    ],
  );
  const [busy, calm] = answer.places;
  assert.deepEqual([busy!.exec_rate, busy!.killed_exits, busy!.usage], [0.1, 1, null]);
  assert.deepEqual([calm!.forks, calm!.fork_rate], [5, 0]);
  assert.deepEqual(calm!.usage, { cpu_seconds: 4, cpu_percent: 12.5, rss_bytes: 8192 });
  assert.deepEqual(calm!.containers, [{ container_id: 'c1', container_name: null }]);
  assert.equal(answer.node.running, 3);
  assert.equal(answer.history.forks.length, 300);
  assert.deepEqual([answer.history.forks.at(-61), answer.history.execs.at(-1)], [5, 1]);
});

test('a place that never had an event is told with its live processes', async () => {
  const agent = new FakeAgent();
  agent.model.add({ identity: podIdentity('idle', 'c1') });
  const { places, total } = await ask(agent);
  assert.deepEqual(
    places.map(({ pod_uid, running, forks }) => [pod_uid, running, forks]),
    [['idle', 1, 0]],
  );
  assert.equal(total, 1);
});

test('filters and limit', async () => {
  const agent = new FakeAgent();
  for (const uid of ['aa-1', 'aa-2', 'bb-1']) agent.activity.note(fork(), podIdentity(uid, `${uid}-c`));
  assert.deepEqual(
    (await ask(agent, { pod: 'aa' })).places.map(({ pod_uid }) => pod_uid),
    ['aa-1', 'aa-2'],
  );
  const limited = await ask(agent, { limit: 1 });
  assert.deepEqual([limited.places.length, limited.total], [1, 3]);
});
