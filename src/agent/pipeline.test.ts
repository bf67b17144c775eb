// The order in which stages are told, and what a stage without a hook costs: nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DecodedRecord } from '../decode/index.ts';
import { identityOf } from '../identity/metadata/metadata.fixture.ts';
import type { AppliedEvent, Stage } from '../model/index.ts';
import { Pipeline, type PipelineOptions } from './pipeline.ts';
import { activityStage, delayStage, publishingStage } from './stages.ts';

const identity = identityOf('u1', 'c1');
const record = (type: string, pid = 1, ktimeNs = 1n) => ({ type, pid, ktimeNs }) as unknown as DecodedRecord;

function pipeline(stages: readonly Stage[], order: string[] = []) {
  const registry = {
    learn: ({ pid }: { pid: number }) => (pid === 0 ? null : identity),
    resolve: () => identity,
  } as unknown as PipelineOptions['registry'];
  const table = {
    apply: (event: unknown) => {
      order.push('table');
      return { event, identity } as AppliedEvent;
    },
    move: () => order.push('table moves'),
    adopt: () => order.push('table adopts'),
  } as unknown as PipelineOptions['table'];
  return new Pipeline({ registry, table, stages });
}

test('the table comes first, then every stage that has the hook, in order; a batch ends only when it had events', () => {
  const order: string[] = [];
  const told = (what: string) => () => void order.push(what);
  const way = pipeline(
    [
      { name: 'a', event: told('a event'), batchEnd: told('a end') },
      { name: 'b', move: told('b move'), cgroup: told('b cgroup') },
      { name: 'c', event: told('c event'), move: told('c move') },
    ],
    order,
  );
  way.batchEnd();
  way.record(record('cgroup', 0));
  way.record(record('cgroup'));
  way.record(record('move'));
  way.record(record('snapshot'));
  way.batchEnd();
  assert.deepEqual(order.splice(0), ['b cgroup', 'table moves', 'b move', 'c move', 'table adopts']);
  way.record(record('fork'));
  way.record(record('exit'));
  way.batchEnd();
  way.batchEnd();
  const event = ['table', 'a event', 'c event'];
  assert.deepEqual(order, [...event, ...event, 'a end']);
});

test('a stage that wants ticks gets them, as a task of its name; the others cost none', () => {
  const started: [name: string, periodMs: number][] = [];
  const works: (() => void | Promise<void>)[] = [];
  let stopped = 0;
  const tasks = {
    every(name: string, periodMs: number, work: () => void | Promise<void>) {
      started.push([name, periodMs]);
      works.push(work);
      return () => void stopped++;
    },
  };
  class Clock implements Stage {
    readonly name = 'clock';
    ticks = 0;
    tick() {
      this.ticks++;
    }
  }
  const clock = new Clock();
  const stop = pipeline([{ name: 'silent', event() {} }, clock]).startTicks(tasks);
  assert.deepEqual(started, [['clock', 1000]]);
  for (const work of works) void work();
  assert.equal(clock.ticks, 1);
  stop();
  assert.equal(stopped, 1);
});

test('a stage keeps what it is: hooks may use this', () => {
  class Counter implements Stage {
    readonly name = 'counter';
    count = 0;
    event() {
      this.count++;
    }
  }
  const counter = new Counter();
  const way = pipeline([counter]);
  for (let index = 0; index < 3; index++) way.record(record('fork'));
  assert.equal(counter.count, 3);
});

test('a batch is one tick of the clock, its oldest event is its delay, and it goes out as one', () => {
  let ticks = 0;
  const delays: bigint[] = [];
  const offered: number[][] = [];
  const passed: number[] = [];
  const bus = { subscribers: 0, passed: (last: number) => void passed.push(last) };
  const binding = {
    offer: (batch: AppliedEvent[]) => void offered.push(batch.map(({ event }) => event.pid)),
    skip: (count: number) => count,
  };
  const way = pipeline([
    delayStage((ktimeNs) => delays.push(ktimeNs)),
    activityStage({ note: () => {}, tick: () => ++ticks }),
    publishingStage(bus, binding),
  ]);
  for (const [batch, subscribers] of [0, 1, 0].entries()) {
    bus.subscribers = subscribers;
    for (const pid of [1, 2, 3]) way.record(record('fork', pid, BigInt(10 * batch + pid)));
    way.batchEnd();
  }
  assert.deepEqual([ticks, delays], [3, [1n, 11n, 21n]]);
  assert.deepEqual([offered, passed], [[[1, 2, 3]], [3, 3]]);
});
