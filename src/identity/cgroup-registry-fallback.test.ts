// Tests what the registry of cgroups does without a record: when it asks /proc and what it believes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  A,
  BASE,
  event,
  MS,
  POD_PATH,
  record,
  SERVICE_PATH,
  setUp,
  UID,
  UNKNOWN,
} from './cgroup-registry.fixture.ts';

test('a cut path that names nothing is not taken for "no container"', () => {
  const { registry } = setUp({ 200: `0::${POD_PATH}/deep\n` });
  registry.learn(record(5, '/deep/foo.service', 0, { truncated: true }));
  assert.deepEqual(registry.resolve(event(5)), {
    ...UNKNOWN,
    cgroupPath: '/deep/foo.service',
    truncated: true,
  });
  assert.equal(registry.resolve(event(5, 0, { pid: 200, ktimeNs: BASE.ktimeNs + 500n * MS })).containerId, A);

  const hybrid = setUp().registry;
  hybrid.learn(record(1, '/'));
  hybrid.learn(record(2, '/deep', 4, { truncated: true }));
  const { provenance, truncated } = hybrid.resolve(event(1, 2));
  assert.deepEqual([provenance, truncated], ['cgroup-unknown', true], 'nor when only v1 is cut');
});

test('in a cgroup namespace of its own the agent does not take its own container for the host', () => {
  const procfs = { source: 'procfs' } as const;
  const { registry } = setUp({ 300: '0::/\n' }, { ownCgroupNamespace: true });
  registry.learn(record(1, '0::/\n', 0, procfs));
  registry.learn(record(2, '0::/../../../system.slice/sshd.service\n', 0, procfs));
  registry.learn(record(3, `0::/../cri-containerd-${A}.scope\n`, 0, procfs));
  registry.learn(record(4, '0::/system.slice/cron.service\n', 0, procfs));
  assert.deepEqual(registry.resolve(event(1)), { ...UNKNOWN, cgroupPath: '/' });
  assert.equal(registry.resolve(event(2)).unit, 'sshd.service');
  assert.equal(registry.resolve(event(3)).containerId, A);
  assert.deepEqual(registry.resolve(event(4)), { ...UNKNOWN, cgroupPath: '/system.slice/cron.service' });
  assert.deepEqual(registry.resolve(event(9, 0, { pid: 300 })), UNKNOWN, 'the fallback neither');
  registry.learn(record(8, '/'));
  assert.equal(registry.resolve(event(8)).provenance, 'not-a-container', 'the kernel knows the real root');
});

test('without a record /proc is asked, once for a while', () => {
  const { registry, asked } = setUp({ 100: `0::${POD_PATH}\n` });
  const first = registry.resolve(event(5));
  assert.deepEqual([first.containerId, first.podUid, first.provenance], [A, UID, 'procfs']);
  for (let ms = 0n; ms < 250n; ms += 10n) {
    assert.equal(registry.resolve(event(5, 0, { ktimeNs: BASE.ktimeNs + ms * MS })), first);
  }
  assert.deepEqual(asked, [100]);
  registry.resolve(event(5, 0, { ktimeNs: BASE.ktimeNs + 250n * MS }));
  assert.deepEqual(asked, [100, 100]);
  assert.deepEqual(registry.counts(), {
    known: 0,
    fallbacks: 2,
    unknown: 0,
    evicted: 0,
    claimed: 0,
    truncated: 0,
  });
});

test('what /proc says of one process is not said of another of the same cgroup', () => {
  // The first was moved out of cgroup 5 before it was asked; the second is still there.
  const { registry, asked } = setUp({ 100: `0::${POD_PATH}\n`, 200: `0::${SERVICE_PATH}\n` });
  assert.equal(registry.resolve(event(5)).containerId, A);
  assert.deepEqual(registry.resolve(event(5, 0, { pid: 200 })), UNKNOWN, 'not asked again so soon');
  assert.deepEqual(registry.resolve(event(5, 0, { startNs: 950_000_000n })), UNKNOWN, 'the pid was reused');
  const later = { pid: 200, ktimeNs: BASE.ktimeNs + 300n * MS };
  assert.equal(registry.resolve(event(5, 0, later)).provenance, 'not-a-container');
  assert.deepEqual(registry.resolve(event(5, 0, { ...later, pid: 300 })), UNKNOWN, 'the two did not agree');
  assert.deepEqual(asked, [100, 200]);
  assert.equal(registry.counts().unknown, 3);
});

test('when two processes of a cgroup agree, their path is taken for all of them', () => {
  const text = `0::${POD_PATH}\n`;
  const { registry, asked } = setUp({ 100: text, 200: text });
  const first = registry.resolve(event(5));
  assert.equal(registry.resolve(event(5, 0, { pid: 200, ktimeNs: BASE.ktimeNs + 300n * MS })), first);
  for (const pid of [300, 301, 302]) {
    assert.equal(registry.resolve(event(5, 0, { pid, ktimeNs: BASE.ktimeNs + 9_000n * MS })), first);
  }
  assert.deepEqual(asked, [100, 200]);
  registry.learn(record(5, SERVICE_PATH));
  assert.equal(registry.resolve(event(5)).unit, 'sshd.service', 'a record overrides it at once');
});

test('one process asked twice is no agreement', () => {
  const { registry, asked } = setUp({ 100: `0::${POD_PATH}\n` });
  registry.resolve(event(5));
  registry.resolve(event(5, 0, { ktimeNs: BASE.ktimeNs + 300n * MS }));
  assert.deepEqual(registry.resolve(event(5, 0, { pid: 200, ktimeNs: BASE.ktimeNs + 300n * MS })), UNKNOWN);
  assert.deepEqual(asked, [100, 100]);
});

test('processes without any cgroup id have nothing in common', () => {
  const text = `0::${POD_PATH}\n`;
  const { registry } = setUp({ 100: text, 200: text });
  assert.equal(registry.resolve(event(0)).containerId, A);
  assert.equal(registry.resolve(event(0, 0, { pid: 200, ktimeNs: BASE.ktimeNs + 300n * MS })).containerId, A);
  assert.deepEqual(registry.resolve(event(0, 0, { pid: 300, ktimeNs: BASE.ktimeNs + 300n * MS })), UNKNOWN);
  registry.learn(record(0, SERVICE_PATH));
  assert.equal(registry.counts().known, 0, '0 is no id');
});

test('a process that is gone leaves its cgroup unknown, and is counted', () => {
  const { registry, asked } = setUp({ 200: '' });
  assert.deepEqual(registry.resolve(event(5)), UNKNOWN);
  assert.deepEqual(registry.resolve(event(5)), UNKNOWN);
  assert.deepEqual(registry.resolve(event(6, 0, { pid: 200 })), UNKNOWN);
  assert.deepEqual(asked, [100, 200]);
  assert.deepEqual(registry.counts(), {
    known: 0,
    fallbacks: 2,
    unknown: 3,
    evicted: 0,
    claimed: 0,
    truncated: 0,
  });
});

test('for all cgroups together /proc is read no more than so often in a second, whatever paths are cut', () => {
  const text = `0::${POD_PATH}\n`;
  const proc = Object.fromEntries(Array.from({ length: 5000 }, (_, pid) => [pid, text]));
  const { registry, asked } = setUp(proc);
  // More cgroups than are remembered as guessed, each with one event in turn.
  const round = (atMs: bigint) => {
    for (let id = 1; id < 3000; id++)
      registry.resolve(event(id, 0, { pid: id, ktimeNs: BASE.ktimeNs + atMs * MS }));
  };
  for (let id = 1; id < 3000; id++) registry.learn(record(id, '/deep', 0, { truncated: true }));
  round(0n);
  assert.equal(asked.length, 200);
  round(300n);
  round(999n);
  assert.equal(asked.length, 200);
  assert.deepEqual(registry.resolve(event(2999, 0, { pid: 2999, ktimeNs: BASE.ktimeNs + 999n * MS })), {
    ...UNKNOWN,
    cgroupPath: '/deep',
    truncated: true,
  });
  const { fallbacks, unknown } = registry.counts();
  assert.deepEqual([fallbacks, unknown], [200, 3 * 2999 - 200 + 1]);
  round(1000n);
  assert.equal(asked.length, 400);
});

test('events slightly out of order do not ask again, those of another recording do', () => {
  const { registry, asked } = setUp();
  registry.resolve(event(5));
  registry.resolve(event(5, 0, { ktimeNs: BASE.ktimeNs - 1n * MS }));
  assert.equal(asked.length, 1);
  registry.resolve(event(5, 0, { ktimeNs: BASE.ktimeNs - 900n * MS }));
  assert.equal(asked.length, 2);
});

test('when one of the two records is missing, the other one does if it names a container', () => {
  const { registry, asked } = setUp();
  registry.learn(record(1, `/docker/${A}`));
  registry.learn(record(2, POD_PATH, 4));
  registry.learn(record(3, '/'));
  assert.equal(registry.resolve(event(1, 99)).containerId, A);
  assert.equal(registry.resolve(event(99, 2)).podUid, UID);
  assert.equal(registry.resolve(event(0, 2)).podUid, UID);
  assert.deepEqual(asked, []);
  assert.deepEqual(registry.resolve(event(3, 99)), UNKNOWN, 'half of "no container" is not enough');
  assert.deepEqual(asked, [100]);
  registry.learn(record(99, POD_PATH, 4));
  assert.equal(registry.resolve(event(1, 99)).podUid, UID, 'the missing one may say more');
  assert.equal(registry.resolve(event(3, 99)).podUid, UID);
});
