// The store of exited processes gives back what it was given, in order, through growth and reuse of its room.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Identity } from '../identity/index.ts';
import { ExitedStore } from './exited-store.ts';
import type { Image, Process } from './process.ts';

const IDENTITY = { podUid: 'p', containerId: null } as Identity;
const IMAGE = { comm: 'sh', source: 'ebpf' } as Image;

const u32 = fc.oneof(fc.nat({ max: 2 ** 32 - 2 }), fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 2));
const count = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER));
const ns = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 2n ** 63n, 2n ** 64n - 1n),
);
const orNull = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });

const PLAIN = { noNullPrototype: true };

/** Few pids and starts, so that lives of a pid follow each other and chains are shared. */
const processes: fc.Arbitrary<Process> = fc.record(
  {
    serial: count,
    pid: fc.constantFrom(0, 1, 5, 1029, 2053, 4_194_304),
    startNs: ns,
    kernelThread: fc.boolean(),
    nsPid: u32,
    pidNs: u32,
    birth: fc.constantFrom('fork' as const, 'snapshot' as const, 'fork_unseen' as const),
    state: fc.constantFrom('exited' as const, 'exit_unseen' as const),
    parentPid: u32,
    parentStartNs: ns,
    uid: fc.oneof(u32, fc.constant(2 ** 32 - 1)),
    gid: u32,
    euid: u32,
    capEffective: fc.constantFrom('0000000000000000', '000001ffffffffff'),
    execId: fc.constant(null),
    identity: fc.constantFrom(IDENTITY, { ...IDENTITY, podUid: 'other' }),
    image: fc.constantFrom(IMAGE, { ...IMAGE, comm: 'ls' }),
    earlierImages: orNull(fc.array(fc.constant(IMAGE), { maxLength: 3 })),
    execSeq: u32,
    children: orNull(fc.constant(new Set<Process>())),
    exitKtimeNs: ns,
    bytes: count,
    exit: orNull(
      fc.record(
        {
          exitCode: orNull(fc.nat({ max: 255 })),
          exitSignal: orNull(fc.integer({ min: 1, max: 127 })),
          coreDumped: fc.boolean(),
          cpuNs: count,
          maxRssBytes: count,
          minorFaults: count,
          majorFaults: count,
        },
        PLAIN,
      ),
    ),
  },
  PLAIN,
);

const keyOf = ({ pid, startNs }: Process) => `${pid}:${startNs}`;

test('whatever comes and goes: everything is given back as it was, by key and in order', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ push: processes }) },
    { weight: 2, arbitrary: fc.record({ drop: fc.nat({ max: 3 }) }) },
    { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ replace: fc.nat(), by: processes }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.nat({ max: 3000 }), (steps, fill) => {
      const store = new ExitedStore();
      let expected: Process[] = [];
      const push = (process: Process) => {
        if (expected.some((one) => keyOf(one) === keyOf(process))) return;
        store.push(process);
        expected.push(process);
      };
      // Around the moments when the room is doubled.
      const [first] = fc.sample(processes, 1);
      for (let index = 0; index < fill; index++) {
        const process = { ...first!, pid: 10_000 + (index % 700), startNs: BigInt(index) };
        store.push(process);
        expected.push(process);
      }
      for (const s of steps) {
        if ('push' in s) push(s.push);
        else if ('drop' in s) {
          for (let i = 0; i < s.drop; i++) store.dropOldest();
          expected = expected.slice(s.drop);
        } else if ('remove' in s) {
          const gone = expected[s.remove % Math.max(1, expected.length)];
          if (gone !== undefined) store.remove(gone.pid, gone.startNs);
          expected = expected.filter((process) => process !== gone);
        } else if (expected.length > 0) {
          const index = s.replace % expected.length;
          const { pid, startNs } = expected[index]!;
          expected[index] = { ...s.by, pid, startNs };
          store.replace(expected[index]!);
        }
        assert.equal(store.size, expected.length);
        assert.equal(store.oldestExitNs, expected[0]?.exitKtimeNs ?? undefined);
        assert.equal(store.oldestBytes, expected[0]?.bytes ?? 0);
        assert.equal(store.oldestEarlierImages, expected[0]?.earlierImages?.length ?? 0);
      }
      assert.deepEqual([...store], expected);
      for (const process of expected.slice(-50))
        assert.deepEqual(store.find(process.pid, process.startNs), process);
      assert.equal(store.find(10_000, 2n ** 64n - 5n), undefined);
    }),
    { numRuns: 300 },
  );
});

test('room that is doubled while the oldest stands anywhere keeps the parts of each process together', () => {
  const store = new ExitedStore();
  const [first] = fc.sample(processes, 1);
  const made = Array.from({ length: 3000 }, (_, index) => ({
    ...first!,
    pid: index,
    identity: { ...IDENTITY, podUid: `pod-${index}` },
    capEffective: String(index).padStart(16, '0'),
    image: { ...IMAGE, comm: `c${index}` },
    earlierImages: [{ ...IMAGE, comm: `e${index}` }],
    children: new Set([{ ...first!, pid: 10_000 + index }]),
  }));
  for (const process of made.slice(0, 700)) store.push(process);
  for (let dropped = 0; dropped < 300; dropped++) store.dropOldest();
  store.remove(310, first!.startNs);
  for (const process of made.slice(700)) store.push(process);
  assert.deepEqual(
    [...store],
    made.slice(300).filter(({ pid }) => pid !== 310),
  );
});

test('what was dropped is not found, and writing it anew does nothing', () => {
  const store = new ExitedStore();
  const [a, b] = fc
    .sample(processes, 2)
    .map((process, index) => ({ ...process, pid: 5, startNs: BigInt(index) }));
  store.push(a!);
  store.push(b!);
  store.dropOldest();
  store.replace({ ...a!, execSeq: 77 });
  assert.equal(store.find(5, 0n), undefined);
  assert.deepEqual([...store], [b]);
  store.dropOldest();
  store.dropOldest();
  assert.deepEqual([store.size, store.oldestExitNs, store.oldestBytes, [...store]], [0, undefined, 0, []]);
});
