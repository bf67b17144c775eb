import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { selfTestSchema } from '../api/index.ts';
import type { Identity } from '../identity/index.ts';
import { type AppliedEvent, EventBus } from '../model/index.ts';
import {
  apply,
  exec,
  exit,
  FakeModel,
  fork,
  hostIdentity,
  podIdentity,
} from '../serve/fake-agent.fixture.ts';
import { AgentSelfTest, type SelfTestOptions } from './self-test.ts';

const POD = podIdentity('1399d9c7-c86f-4371-8568-07b3d32258a4', 'e1'.padEnd(64, '0'));
const PID_NS = 4026532999;
const EXEC_NS = 6_000_000_000n;

/** A process that was not started: what is told of it, the tests decide. */
class FakeChild extends EventEmitter {
  readonly pid: number | undefined;
  readonly killed: unknown[] = [];

  constructor(pid: number | undefined) {
    super();
    this.pid = pid;
  }

  kill(signal: unknown): boolean {
    this.killed.push(signal);
    return true;
  }
}

function stage(options: Partial<SelfTestOptions> & { pid?: number; place?: Identity } = {}) {
  const bus = new EventBus();
  const model = new FakeModel();
  const agent = model.add({ identity: POD });
  const children: FakeChild[] = [];
  const clock = { nowMs: 0 };
  const selfTest = new AgentSelfTest({
    bus,
    model,
    start: () => {
      const child = new FakeChild('pid' in options ? options.pid : 77);
      children.push(child);
      return child as never;
    },
    pidNamespace: PID_NS,
    boottimeNs: () => EXEC_NS + 12_345_678n,
    nowMs: () => clock.nowMs,
    ...options,
  });
  const identity = options.place ?? POD;
  const process = model.addChild(agent, { identity });
  const of = { pid: 4711, nsPid: 77, pidNs: PID_NS };
  const tell = (...events: AppliedEvent['event'][]) =>
    bus.publish(events.map((event, at) => ({ ...apply(event, at + 1, { identity }), process })));
  const life = () => [fork(of), exec({ ...of, ktimeNs: EXEC_NS }), exit(of)] as const;
  return { selfTest, bus, children, clock, of, tell, life };
}

test('fork, exec and exit of its own process, and of no other, are the answer, with the delay and the place', async () => {
  const { selfTest, tell, life, of, children, bus } = stage();
  const answer = selfTest.run();
  // The same number in another pid namespace, and another process of this one.
  tell(exit({ ...of, pidNs: 1 }), exit({ ...of, nsPid: 78 }));
  await nextTurn();
  tell(...life());
  const told = await answer;
  assert.deepEqual(selfTestSchema.parse(told), told);
  assert.deepEqual(told.seen, { fork: true, exec: true, exit: true });
  assert.deepEqual([told.ok, told.own_place, told.delay_ms], [true, true, 12.346]);
  assert.deepEqual([told.place?.kind, told.place?.pod_uid], ['pod', POD.podUid]);
  assert.match(told.reason, /were told, the exec after 12\.3 ms$/);
  assert.equal(selfTest.last, told);
  assert.deepEqual(children[0]!.killed, [], 'it has ended by itself');
  assert.equal(bus.subscribers, 0);
});

test('what is not told within the time is named, and the process does not stay', async () => {
  const { selfTest, tell, life, children, bus } = stage({ timeoutMs: 20 });
  const answer = selfTest.run();
  tell(life()[0]);
  const told = await answer;
  assert.deepEqual(
    [told.ok, told.seen, told.delay_ms],
    [false, { fork: true, exec: false, exit: false }, null],
  );
  assert.equal(told.reason, 'no exec and no exit of a process of its own was told within 0.02 s');
  assert.deepEqual(children[0]!.killed, ['SIGKILL']);
  assert.equal(bus.subscribers, 0);
  assert.deepEqual(stage().selfTest.last, null);
});

test('an exit without the events before it is not enough', async () => {
  const { selfTest, tell, life } = stage();
  const answer = selfTest.run();
  tell(life()[2]);
  assert.deepEqual([(await answer).ok, (await answer).seen.exit], [false, true]);
});

test('a process that is told to be elsewhere fails it', async () => {
  const { selfTest, tell, life } = stage({ place: hostIdentity });
  const answer = selfTest.run();
  tell(...life());
  const { ok, own_place, place, reason } = await answer;
  assert.deepEqual([ok, own_place, place?.kind, place?.unit], [false, false, 'host', 'ssh.service']);
  assert.match(reason, /in another place than that of the agent$/);
});

test('a process that cannot be started is an answer, not a failure', async () => {
  const refused = stage({
    start: () => {
      throw new Error('spawn EPERM');
    },
  });
  const { ok, reason, place } = await refused.selfTest.run();
  assert.deepEqual([ok, reason, place], [false, 'no process could be started: spawn EPERM', null]);
  const later = stage({ pid: undefined as never });
  const answer = later.selfTest.run();
  // Without a pid no event may be taken for its own.
  later.tell(exit({ ...later.of, nsPid: undefined as never }));
  later.children[0]!.emit('error', new Error('spawn EAGAIN'));
  assert.match((await answer).reason, /spawn EAGAIN/);
  assert.equal((await answer).seen.exit, false);
});

test('many who ask at once, and in the second after, start one process', async () => {
  const { selfTest, children, clock, tell, life } = stage();
  const asked = Array.from({ length: 50 }, () => selfTest.run());
  tell(...life());
  const answers = await Promise.all(asked);
  assert.equal(new Set(answers).size, 1);
  clock.nowMs = 999;
  assert.equal(await selfTest.run(), answers[0]);
  assert.equal(children.length, 1);
  clock.nowMs = 1_000;
  const again = selfTest.run();
  tell(...life());
  assert.notEqual(await again, answers[0]);
  assert.equal(children.length, 2);
});

test('an agent that ends does not wait, and starts nothing more', async () => {
  const { selfTest, children, clock } = stage();
  const answer = selfTest.run();
  selfTest.stop();
  assert.equal((await answer).reason, 'the agent ends');
  clock.nowMs = 10_000;
  assert.equal((await selfTest.run()).reason, 'the agent ends');
  assert.equal(children.length, 1);
});
