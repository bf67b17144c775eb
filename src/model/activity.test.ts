// Activity of places, against the events one by one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ProcessEvent } from '../decode/index.ts';
import type { Identity } from '../identity/index.ts';
import { PlaceActivity, type Place } from './activity.ts';

const identity = (changes: Partial<Identity> = {}): Identity => ({
  containerId: null,
  podUid: null,
  runtime: null,
  qos: null,
  unit: null,
  tags: [],
  cgroupPath: '/',
  provenance: 'not-a-container',
  ...changes,
});
const pod = (podUid: string, containerId = `${podUid}-c`) =>
  identity({ podUid, containerId, provenance: 'kernel-cgroup' });

test('what is only claimed is counted in the unit that it is in, and makes no place of its own', () => {
  const { book } = new Desk();
  const real = pod('p1', 'c1');
  const container = identity({ containerId: 'c2', provenance: 'kernel-cgroup' });
  const claimed = (containerId: string | null, unit: string | null) =>
    identity({ containerId, unit, provenance: 'claimed' });
  book.note(event('fork'), real);
  book.note(event('fork'), container);
  for (const id of ['c1', 'c2', null, ...Array.from({ length: 200 }, (_, index) => `x${index}`)])
    book.note(event('fork'), claimed(id, 'user@1000.service'));
  book.note(event('fork'), claimed('c2', null));
  book.note(event('fork'), identity({ unit: 'user@1000.service', provenance: 'not-a-container' }));
  const counted = book
    .places()
    .flatMap(({ kind, counts }) => (counts.forks === 0 ? [] : [[kind, counts.forks]]));
  assert.deepEqual(counted, [
    ['pod', 1],
    ['container', 1],
    ['unit', 204],
    ['host', 1],
  ]);
  assert.equal(book.overflow, 0);
});

type Facts = {
  pid?: number;
  kernelThread?: boolean;
  lifeNs?: bigint;
  exitCode?: number;
  exitSignal?: number | null;
};
function event(type: ProcessEvent['type'], facts: Facts = {}): ProcessEvent {
  const { pid = 1, kernelThread = false, lifeNs = 10n, exitCode = 0, exitSignal = null } = facts;
  const exit = { exitCode: exitSignal === null ? exitCode : null, exitSignal, cpuNs: 7 };
  return { type, pid, kernelThread, startNs: 5n, ktimeNs: 5n + lifeNs, ...exit } as unknown as ProcessEvent;
}

class Desk {
  nowMs = 0;
  live: { identity: Identity; kernelThread: boolean }[] = [];
  retired: Place[] = [];
  readonly book: PlaceActivity;

  constructor(maxPlaces = 100) {
    this.book = new PlaceActivity({
      live: { running: () => this.live },
      maxPlaces,
      nowMs: () => this.nowMs,
      onRetire: (place) => this.retired.push(place),
    });
  }
}

const kinds = (book: PlaceActivity) => book.places().map(({ kind }) => kind);

test('each process is counted where it runs: pod, container, unit, host, kernel, or unknown', () => {
  const { book } = new Desk();
  const [uid, other] = ['p1', 'p2'];
  book.note(event('fork'), pod(uid, 'a'));
  book.note(event('exec'), pod(uid, 'b'));
  book.note(event('fork'), pod(other));
  book.note(event('fork'), identity({ containerId: 'c1', provenance: 'kernel-cgroup' }));
  book.note(event('fork'), identity({ unit: 'ssh.service' }));
  book.note(event('fork'), identity());
  book.note(event('fork'), identity({ provenance: 'cgroup-unknown', cgroupPath: null }));
  book.note(event('exit', { kernelThread: true }), identity());
  assert.deepEqual(kinds(book), ['pod', 'pod', 'container', 'unit', 'host', 'unknown', 'kernel', 'other']);
  const first = book.placeOf(pod(uid, 'new'), false).counts;
  assert.deepEqual([first.forks, first.execs, first.exits], [1, 1, 0], 'all containers of a pod together');
  assert.equal(book.placeOf(identity(), true).counts.exits, 1);
  assert.deepEqual([book.node.forks, book.node.execs, book.node.exits], [6, 1, 1]);
});

test('an exit is counted by its cause, its length and its CPU time', () => {
  const { book } = new Desk();
  const place = pod('p');
  book.note(event('exit'), place);
  book.note(event('exit', { exitCode: 3, lifeNs: 999_999_999n }), place);
  book.note(event('exit', { exitSignal: 9, lifeNs: 1_000_000_000n }), place);
  const { counts } = book.placeOf(place, false);
  assert.deepEqual(
    [counts.exits, counts.failed, counts.killed, counts.shortLived, counts.endedCpuNs],
    [3, 1, 1, 2, 21],
  );
  assert.deepEqual(
    [...counts.causes],
    [
      [0, 1],
      [3, 1],
      [265, 1],
    ],
  );
});

test('of each cause the last process is known, but of success', () => {
  const { book } = new Desk();
  const place = pod('p');
  const end = (pid: number, exitCode: number) =>
    book.note(event('exit', { pid, exitCode, lifeNs: BigInt(pid) }), place);
  end(1, 0);
  end(2, 3);
  end(3, 3);
  end(4, 7);
  const { lastEnds } = book.placeOf(place, false).counts;
  assert.deepEqual(
    [...lastEnds].map(([cause, { pid, startNs, ktimeNs }]) => [cause, pid, ktimeNs - startNs]),
    [
      [3, 3, 3n],
      [7, 4, 4n],
    ],
  );
});

test('rates are of the last ten whole seconds, the history of the last five minutes', () => {
  const desk = new Desk();
  const place = pod('p');
  for (let count = 0; count < 20; count++) desk.book.note(event('fork'), place);
  desk.nowMs = 999;
  assert.equal(desk.book.node.rate('fork', desk.book.tick()), 0, 'the second is not over');
  desk.nowMs = 10_999;
  assert.equal(desk.book.placeOf(place, false).counts.rate('fork', desk.book.tick()), 2);
  assert.equal(desk.book.node.rate('fork', desk.book.tick()), 2);
  desk.nowMs = 11_000;
  assert.equal(desk.book.node.rate('fork', desk.book.tick()), 0);
  const history = desk.book.node.history('fork', desk.book.tick());
  assert.equal(history.length, 300);
  assert.equal(history.at(-11), 20);
});

test('a full book counts further places together, and tells how many events', () => {
  const desk = new Desk(2);
  for (const uid of ['a', 'b', 'c', 'd', 'c']) desk.book.note(event('fork'), pod(uid));
  assert.deepEqual(kinds(desk.book), ['pod', 'pod', 'kernel', 'other']);
  assert.equal(desk.book.overflow, 3);
  assert.equal(desk.book.places().at(-1)!.counts.forks, 3);
  assert.equal(desk.book.placeOf(pod('c'), false).kind, 'other');
});

test('units and pods have room of their own: many of the ones never push out the others', () => {
  const { book } = new Desk(2);
  for (const unit of ['a.scope', 'b.scope', 'c.scope']) book.note(event('fork'), identity({ unit }));
  for (const uid of ['p1', 'p2', 'p3']) book.note(event('fork'), pod(uid));
  assert.deepEqual(kinds(book), ['unit', 'unit', 'pod', 'pod', 'kernel', 'other']);
  assert.equal(book.overflow, 2);
});

test('a place that is long over makes room, one with a live process stays', () => {
  const desk = new Desk(2);
  const [over, alive] = [pod('over'), pod('alive')];
  desk.live = [{ identity: pod('alive', 'other-container'), kernelThread: false }];
  desk.book.note(event('fork'), over);
  desk.book.note(event('fork'), alive);
  desk.nowMs = 300_999;
  assert.equal(desk.book.places().length, 4, 'not yet');
  desk.nowMs = 311_000;
  desk.book.tick();
  desk.book.note(event('fork'), pod('new'));
  assert.deepEqual(
    desk.retired.map((place) => place.identity),
    [over],
  );
  assert.equal(desk.book.overflow, 0);
  desk.book.note(event('fork'), over);
  assert.equal(desk.book.overflow, 1, 'and is a new place when it comes back');
});

test('places and what was retired together have every event, whatever happens when', () => {
  const step = fc.record({
    uid: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    type: fc.constantFrom('fork', 'exec', 'exit'),
    pauseMs: fc.constantFrom(0, 0, 400, 20_000, 400_000),
    look: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(10, 2), (steps, maxPlaces) => {
      const desk = new Desk(maxPlaces);
      for (const { uid, type, pauseMs, look } of steps) {
        desk.nowMs += pauseMs;
        desk.book.tick();
        desk.book.note(event(type as 'fork'), pod(uid));
        if (look) desk.book.places();
      }
      const all = [...desk.book.places(), ...desk.retired];
      for (const key of ['forks', 'execs', 'exits'] as const) {
        assert.equal(
          all.reduce((sum, { counts }) => sum + counts[key], 0),
          desk.book.node[key],
        );
      }
    }),
  );
});
