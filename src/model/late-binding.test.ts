// Which events wait for a name, for how long, and in which order they go out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Identity, Metadata } from '../identity/index.ts';
import type { AppliedEvent } from './applied-event.ts';
import { LateBinding } from './late-binding.ts';

const HOLD_MS = 500;

function open(maxHeld = 1000, holdMs = HOLD_MS) {
  const out: AppliedEvent[] = [];
  const pending = new Map<string, number>();
  const searched = new Set<string>();
  const binding = new LateBinding({
    metadata: {
      lookup: (identity) => ({ podName: pending.has(identity.podUid!) ? null : 'named' }) as Metadata,
      settled: (identity) => (pending.has(identity.podUid!) ? null : ({ podName: 'named' } as Metadata)),
      pendingSinceMs: (identity) => pending.get(identity.podUid!) ?? null,
    },
    holdMs,
    isSearched: ({ podUid }) => searched.has(podUid!),
    maxHeld,
    publish: (batch) => out.push(...batch),
  });
  return { binding, out, pending, searched };
}

function event(pid: number, podUid: string | null, note = ''): AppliedEvent {
  return {
    seq: 0,
    event: { pid, comm: note } as AppliedEvent['event'],
    identity: { podUid, containerId: null } as Identity,
    process: null,
    image: {} as AppliedEvent['image'],
    execSeq: 0,
    metadata: null,
  };
}

const pids = (events: AppliedEvent[]) => events.map((applied) => applied.event.pid);

test('events of named pods and of the host go out at once, numbered without holes', (t) => {
  const { binding, out } = open();
  t.after(() => binding.flush());
  binding.offer([event(1, null), event(2, 'a')]);
  binding.offer([event(3, 'a')]);
  assert.deepEqual(pids(out), [1, 2, 3]);
  assert.deepEqual(
    out.map(({ seq }) => seq),
    [1, 2, 3],
  );
  assert.equal(binding.counts().held, 0);
});

test('while a name is looked for its events wait longer than the time, and no longer than that', (t) => {
  const { binding, out, pending, searched } = open();
  t.after(() => binding.flush());
  pending.set('new', 10);
  searched.add('new');
  binding.offer([event(1, 'new')]);
  pending.set('new', HOLD_MS + 1);
  binding.tick();
  assert.deepEqual(pids(out), []);
  searched.delete('new');
  binding.tick();
  assert.deepEqual(pids(out), [1]);
  assert.equal(binding.counts().releasedUnnamed, 1);
});

test('nothing waits where the time is 0, whatever is looked for', () => {
  const { binding, out, pending, searched } = open(1000, 0);
  pending.set('new', 0);
  searched.add('new');
  binding.offer([event(1, 'new')]);
  assert.deepEqual(pids(out), [1]);
});

test('events of an unnamed pod wait, others pass, and go out with the name when it is there', (t) => {
  const { binding, out, pending } = open();
  t.after(() => binding.flush());
  pending.set('new', 10);
  binding.offer([event(1, 'new'), event(2, null), event(1, 'new'), event(3, 'old')]);
  assert.deepEqual(pids(out), [2, 3]);
  binding.tick();
  assert.deepEqual(binding.counts(), { held: 2, releasedUnnamed: 0, overflowed: 0, waiting: 2 });
  pending.delete('new');
  binding.tick();
  assert.deepEqual(pids(out), [2, 3, 1, 1]);
  assert.deepEqual(
    out.map(({ seq }) => seq),
    [1, 2, 3, 4],
  );
  assert.equal(out.at(-1)!.metadata!.podName, 'named');
});

test('what has waited long enough goes out unnamed and is counted; later events do not wait again', (t) => {
  const { binding, out, pending } = open();
  t.after(() => binding.flush());
  pending.set('new', 0);
  binding.offer([event(1, 'new')]);
  pending.set('new', HOLD_MS);
  binding.tick();
  assert.deepEqual(pids(out), [1]);
  assert.equal(out[0]!.metadata!.podName, null);
  assert.equal(binding.counts().releasedUnnamed, 1);
  binding.offer([event(1, 'new')]);
  assert.equal(out.length, 2);
});

test('a process keeps its order although it moved from an unnamed pod to the host', (t) => {
  const { binding, out, pending } = open();
  t.after(() => binding.flush());
  pending.set('new', 0);
  binding.offer([event(1, 'new', 'first'), event(1, null, 'second'), event(2, null)]);
  assert.deepEqual(pids(out), [2]);
  pending.delete('new');
  binding.tick();
  assert.deepEqual(
    out.slice(1).map((applied) => applied.event.comm),
    ['first', 'second'],
  );
});

test('when too many wait, the oldest go out; none is dropped', (t) => {
  const { binding, out, pending } = open(3);
  t.after(() => binding.flush());
  pending.set('new', 0);
  binding.offer([1, 2, 3, 4, 5].map((pid) => event(pid, 'new')));
  assert.deepEqual(pids(out), [1, 2]);
  assert.deepEqual(binding.counts(), { held: 5, releasedUnnamed: 2, overflowed: 2, waiting: 3 });
  binding.flush();
  assert.deepEqual(pids(out), [1, 2, 3, 4, 5]);
});

test('whatever waits and is named in whatever order: each event once, in order within its process', () => {
  const pod = fc.constantFrom('a', 'b', null);
  const step = fc.oneof(
    fc.record({ do: fc.constant('offer' as const), of: fc.array(fc.record({ pid: fc.nat(4), pod })) }),
    fc.record({ do: fc.constant('age' as const), pod: fc.constantFrom('a', 'b'), ms: fc.nat(900) }),
    fc.record({ do: fc.constant('name' as const), pod: fc.constantFrom('a', 'b') }),
    fc.record({ do: fc.constant('tick' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 8 }), (steps, maxHeld) => {
      const { binding, out, pending } = open(maxHeld);
      let offered = 0;
      for (const change of steps) {
        if (change.do === 'age') pending.set(change.pod, change.ms);
        else if (change.do === 'name') pending.delete(change.pod);
        else if (change.do === 'tick') binding.tick();
        else binding.offer(change.of.map(({ pid, pod: uid }) => event(pid, uid, String(offered++))));
        assert.ok(binding.counts().waiting <= maxHeld);
      }
      binding.flush();
      assert.equal(out.length, offered);
      for (let pid = 0; pid <= 4; pid++) {
        const order = out
          .filter((applied) => applied.event.pid === pid)
          .map(({ event: e }) => Number(e.comm));
        assert.deepEqual(
          order,
          [...order].sort((a, b) => a - b),
        );
      }
      assert.deepEqual(
        out.map(({ seq }) => seq),
        out.map((_, index) => index + 1),
      );
    }),
  );
});
