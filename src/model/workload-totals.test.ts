// Counters of workloads: they never fall, and together they have every event.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ProcessEvent } from '../decode/index.ts';
import type { Identity, Metadata } from '../identity/index.ts';
import { PlaceActivity, Place } from './activity.ts';
import { WorkloadCounters } from './workload-totals.ts';

const identity = (podUid: string): Identity => ({
  containerId: `${podUid}-c`,
  podUid,
  runtime: null,
  qos: null,
  unit: null,
  tags: [],
  cgroupPath: '/',
  provenance: 'kernel-cgroup',
});
const named = (name: string) =>
  ({ namespace: 'shop', workload: { kind: 'Deployment', name } }) as unknown as Metadata;
const exit = (exitSignal: number | null = null) =>
  ({
    type: 'exit',
    kernelThread: false,
    startNs: 0n,
    ktimeNs: 1n,
    exitCode: exitSignal === null ? 1 : null,
    exitSignal,
    cpuNs: 5,
  }) as unknown as ProcessEvent;

function pod(exits: number): Place {
  const place = new Place('pod', identity('p'), 0);
  for (let count = 0; count < exits; count++) place.counts.note(exit(), 0);
  return place;
}

test('pods of a workload are counted together, each event once', () => {
  const book = new WorkloadCounters({ maxWorkloads: 10, maxUnits: 10, nowMs: () => 0 });
  const [a, b] = [pod(2), pod(3)];
  book.settle(a, named('web'), 100);
  book.settle(b, named('web'), 0);
  const totals = book.settle(a, named('web'), 100);
  assert.deepEqual([totals.exits, totals.shortLived, totals.cpuNs], [5, 5, 125]);
  assert.deepEqual([...totals.causes], [[1, 5]]);
  assert.deepEqual(totals.workload, { namespace: 'shop', kind: 'Deployment', name: 'web' });
  a.counts.note(exit(9), 0);
  book.settle(a, named('web'), 0);
  assert.deepEqual(
    [totals.exits, totals.cpuNs, totals.causes.get(265)],
    [6, 125, 1],
    'CPU time does not fall',
  );
  book.settle(a, named('web'), 200);
  assert.equal(totals.cpuNs, 230);
});

test('the example of a cause is the last one of all pods', () => {
  const book = new WorkloadCounters({ maxWorkloads: 10, maxUnits: 10, nowMs: () => 0 });
  const [a, b] = [pod(0), pod(0)];
  const at = (pid: number, ktimeNs: bigint) => ({ ...exit(9), pid, ktimeNs }) as ProcessEvent;
  const named = (podName: string) =>
    ({ namespace: 'shop', podName, workload: { kind: 'Deployment', name: 'web' } }) as unknown as Metadata;
  a.counts.note(at(1, 10n), 0);
  b.counts.note(at(2, 20n), 0);
  book.settle(b, named('b'), 0);
  const totals = book.settle(a, named('a'), 0);
  const { pid, podName } = totals.examples.get(265)!;
  assert.deepEqual([pid, podName], [2, 'b']);
  a.counts.note(at(3, 30n), 0);
  assert.equal(book.settle(b, named('b'), 0).examples.get(265)!.pid, 2, 'not handed over yet');
  book.settle(a, named('a'), 0);
  const last = totals.examples.get(265)!;
  assert.deepEqual([last.pid, last.startNs, last.ktimeNs, last.podName], [3, 0n, 30n, 'a']);
  a.counts.note(at(4, 40n), 0);
  assert.equal(last.pid, 3, 'an example does not change once it was told');
});

test('what was counted before a pod had its name stays unnamed, the rest is its own', () => {
  const book = new WorkloadCounters({ maxWorkloads: 10, maxUnits: 10, nowMs: () => 0 });
  const place = pod(2);
  const unnamed = book.settle(place, null, 0);
  place.counts.note(exit(), 0);
  const totals = book.settle(place, named('web'), 0);
  assert.deepEqual([unnamed.workload.kind, unnamed.exits, totals.exits], ['unnamed', 2, 1]);
});

test('beyond the limit workloads are counted together, until one has been away for an hour', () => {
  let nowMs = 0;
  const book = new WorkloadCounters({ maxWorkloads: 2, maxUnits: 10, nowMs: () => nowMs });
  book.settle(pod(1), named('a'), 0);
  book.settle(pod(1), named('b'), 0);
  assert.equal(book.settle(pod(4), named('c'), 0).workload.kind, 'other');
  assert.equal(book.refused, 1);
  nowMs = 3_000_000;
  book.settle(pod(1), named('b'), 0);
  nowMs = 3_600_001;
  assert.equal(book.settle(pod(8), named('d'), 0).workload.name, 'd');
  assert.deepEqual(
    book.totals().map(({ workload, exits }) => [workload.name || workload.kind, exits]),
    [
      ['b', 2],
      ['d', 8],
      ['other', 4],
      ['ended', 1],
    ],
  );
});

const unit = (name: string, exits = 1) => {
  const place = new Place('unit', { ...identity('p'), containerId: null, podUid: null, unit: name }, 0);
  for (let count = 0; count < exits; count++) place.counts.note(exit(), 0);
  return place;
};
const countsOf = (book: WorkloadCounters) =>
  book.totals().map(({ workload: { kind, name }, exits }) => [kind, name, exits]);

test('transient units are one series, and units never take the room of workloads', () => {
  const book = new WorkloadCounters({ maxWorkloads: 1, maxUnits: 2, nowMs: () => 0 });
  for (let run = 0; run < 600; run++)
    book.settle(unit(`run-r${run.toString(16).padStart(32, '0')}.scope`), null, 0);
  for (const name of ['kubelet.service', 'a.service', 'b.service']) book.settle(unit(name), null, 0);
  assert.equal(book.settle(pod(1), named('web'), 0).workload.name, 'web');
  assert.deepEqual([book.refused, book.refusedUnits], [0, 2]);
  assert.deepEqual(countsOf(book), [
    ['Deployment', 'web', 1],
    ['unit', 'run-*.scope', 600],
    ['unit', 'kubelet.service', 1],
    ['unit', '', 2],
  ]);
  book.settle(pod(1), named('api'), 0);
  assert.deepEqual([book.refused, book.refusedUnits], [1, 2], 'nor workloads the room of units');
});

test('no counter falls but by beginning anew after it was ended, and all together have every event, whatever comes, goes and is renamed', () => {
  const step = fc.record({
    uid: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    name: fc.constantFrom(null, 'web', 'api', 'db', 'job'),
    liveCpuNs: fc.nat(1000),
    pauseMs: fc.constantFrom(0, 0, 1000, 400_000, 4_000_000),
    look: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(1, 2, 10), (steps, limit) => {
      let nowMs = 0;
      const names = new Map<string, string | null>();
      const workloads = new WorkloadCounters({ maxWorkloads: limit, maxUnits: limit, nowMs: () => nowMs });
      const metadataOf = (place: Place) => {
        const name = names.get(place.identity?.podUid ?? '') ?? null;
        return name === null ? null : named(name);
      };
      const activity = new PlaceActivity({
        live: { running: () => [] },
        maxPlaces: limit + 1,
        nowMs: () => nowMs,
        onRetire: (place) => workloads.settle(place, metadataOf(place), 0),
      });
      const before = new Map<string, number>();
      for (const { uid, name, liveCpuNs, pauseMs, look } of steps) {
        nowMs += pauseMs;
        names.set(uid, name);
        activity.tick();
        activity.note(exit(), identity(uid));
        if (!look) continue;
        for (const place of activity.places()) workloads.settle(place, metadataOf(place), liveCpuNs);
        const ended = workloads.totals().find(({ workload }) => workload.kind === 'ended')?.exits ?? 0;
        if (ended > (before.get('ended') ?? 0)) before.clear();
        before.set('ended', ended);
        for (const { workload, exits, cpuNs } of workloads.totals()) {
          const key = JSON.stringify(workload);
          assert.ok(exits >= (before.get(key) ?? 0), key);
          assert.ok(cpuNs >= (before.get(`${key} cpu`) ?? 0), key);
          before.set(key, exits).set(`${key} cpu`, cpuNs);
        }
        const sum = workloads.totals().reduce((total, { exits }) => total + exits, 0);
        assert.equal(sum, activity.node.exits);
      }
    }),
  );
});

test('a container whose cgroup is in no pod counts for the pod that the sources say it is in', () => {
  const book = new WorkloadCounters({ maxWorkloads: 10, maxUnits: 10, nowMs: () => 0 });
  const container = () => {
    const place = new Place('container', { ...identity('p'), podUid: null }, 0);
    place.counts.note(exit(), 0);
    return place;
  };
  const inPod = { ...named('web'), podUid: 'p' };
  assert.deepEqual(
    [inPod, { ...inPod, workload: null }, named('web'), null].map(
      (metadata) => book.settle(container(), metadata, 0).workload,
    ),
    [
      { namespace: 'shop', kind: 'Deployment', name: 'web' },
      { namespace: '', kind: 'unnamed', name: '' },
      { namespace: '', kind: 'container', name: '' },
      { namespace: '', kind: 'container', name: '' },
    ],
  );
});
