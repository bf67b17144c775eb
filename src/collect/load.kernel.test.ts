// Nothing is lost at full speed; when the ring is too small the loss is exact. Needs root and BPF.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotUseBpf, observe } from '../../test/support/observe.ts';
import { runWorkload, startWorkload } from '../../test/support/workload.ts';
import type { ProcessEvent } from '../decode/index.ts';
import { BATCH_RECORDS } from '../kernel/index.ts';
import { boottimeNs, realtimeNs } from '../os/index.ts';
import { ProcessTable } from '../model/index.ts';
import type { CollectorCounts } from './collector.ts';
import { UNKNOWN } from '../identity/cgroup-registry.fixture.ts';

const skip = cannotUseBpf();
/** Fewer where the machine is emulated. */
const PROCESSES = Number(process.env.TEST_PROCESSES ?? 100_000);

function makeTable(): ProcessTable {
  return new ProcessTable({
    bootId: '00000000-0000-0000-0000-000000000000',
    clocks: { boottimeNs, realtimeNs },
    retentionSeconds: 300,
    maxExited: 1000,
    maxLive: 100_000,
    memoryBytes: 100_000_000,
  });
}

const KINDS = ['fork', 'exec', 'exit'] as const;

/**
 * The counts at a moment when everything that the kernel has counted was read: what the rest of the machine does between the
 * reading and the counting is not missing. What is lost without being counted is missing at every moment.
 */
async function settled(
  { collector }: Awaited<ReturnType<typeof observe>>,
  decoded: Readonly<Record<(typeof KINDS)[number], number>>,
): Promise<CollectorCounts> {
  for (let attempt = 1; ; attempt++) {
    collector.drain();
    const counts = collector.counts();
    const isWhole = KINDS.every((kind) => decoded[kind] + counts[kind].lost === counts[kind].kernel);
    if (isWhole || attempt === 500) return counts;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test(`${PROCESSES} processes at full speed: none lost, and every count is the same`, { skip }, async () => {
  const counts = { fork: 0, exec: 0, exit: 0, move: 0 };
  let [inBatch, largestBatch] = [0, 0];
  const seen = await observe(
    {},
    {
      record(record) {
        if (record.type !== 'cgroup' && record.type !== 'snapshot') counts[record.type]++;
        largestBatch = Math.max(largestBatch, ++inBatch);
      },
      batchEnd() {
        inBatch = 0;
      },
    },
  );
  try {
    const before = seen.collector.counts();
    largestBatch = 0;
    await runWorkload('vforks', 0.6 * PROCESSES, 3);
    await runWorkload('forks', 0.2 * PROCESSES, 2);
    await runWorkload('execs', 0.2 * PROCESSES, 2);
    const after = await settled(seen, counts);
    for (const kind of KINDS) {
      assert.equal(after[kind].lost, 0, `${kind}s lost`);
      assert.equal(counts[kind], after[kind].kernel, `${kind}s decoded`);
    }
    // The workloads, their parents and processes, and whatever else runs on the machine meanwhile.
    const forks = after.fork.kernel - before.fork.kernel;
    assert.ok(forks >= PROCESSES + 10, `${forks} forks`);
    assert.ok(after.exec.kernel - before.exec.kernel >= 0.2 * PROCESSES + 3);
    assert.ok(largestBatch <= BATCH_RECORDS, `${largestBatch} records in a batch`);
  } finally {
    await seen.close();
  }
});

for (const hooks of ['tp_btf', 'raw_tp'] as const) {
  test(`with a ring that is too small the loss is exact, with ${hooks}`, { skip }, async () => {
    const counts = { fork: 0, exec: 0, exit: 0, move: 0 };
    const seen = await observe(
      { hooks, ringBytes: 65_536 },
      {
        record(record) {
          if (record.type !== 'cgroup' && record.type !== 'snapshot') counts[record.type]++;
        },
        batchEnd() {},
      },
    );
    try {
      seen.collector.pause();
      await runWorkload('execs', 3000, 2);
      const stopped = seen.collector.counts();
      assert.ok(stopped.fork.lost > 1000 && stopped.exec.lost > 1000 && stopped.exit.lost > 1000);
      assert.equal(seen.collector.status().ringUsedBytes! > 60_000, true, 'the ring is full');
      seen.collector.resume();
      seen.collector.drain();
      // Until then the ring was full, for the rest of the machine too.
      const emptied = seen.collector.counts();
      await runWorkload('forks', 10);
      const after = await settled(seen, counts);
      for (const kind of KINDS) {
        assert.equal(counts[kind] + after[kind].lost, after[kind].kernel, `${kind}: decoded + lost = kernel`);
      }
      assert.equal(after.fork.lost, emptied.fork.lost, 'nothing more is lost once the reader reads');
    } finally {
      await seen.close();
    }
  });
}

test('the table heals after a loss: unseen exits are closed, unseen forks adopted', { skip }, async () => {
  const table = makeTable();
  const seen = await observe(
    { ringBytes: 16_384 },
    {
      record(record) {
        if (record.type === 'snapshot') table.adopt(record, UNKNOWN);
        else if (record.type === 'move') table.move(record, UNKNOWN);
        else if (record.type !== 'cgroup') table.apply(record, UNKNOWN);
      },
      batchEnd() {},
    },
  );
  const heal = () => {
    const takenNs = boottimeNs();
    const snapshots = seen.collector.snapshot();
    seen.collector.drain();
    table.heal(snapshots, takenNs, () => UNKNOWN);
  };
  const early = startWorkload('hold', 20);
  await early.ready;
  try {
    seen.collector.drain();
    seen.collector.pause();
    await runWorkload('forks', 500);
    const late = startWorkload('hold', 30);
    await late.ready;
    await early.finish();
    const isChild = (parent: number) => [...table.running()].filter((p) => p.parentPid === parent).length;
    assert.equal(isChild(early.pid), 20, 'their exits were lost');
    assert.equal(isChild(late.pid), 0, 'their forks were lost');
    seen.collector.resume();
    heal();
    heal();
    assert.equal(isChild(early.pid), 0);
    assert.equal(isChild(late.pid), 30);
    assert.ok(table.ledger.exitUnseen >= 20);
    assert.ok(table.ledger.forkUnseen >= 30);
    await late.finish();
  } finally {
    await seen.close();
  }
});

test('the snapshot and the stream give each process once, whatever happens meanwhile', { skip }, async () => {
  const held = startWorkload('hold', 300);
  await held.ready;
  const churn = startWorkload('forks', 12_000, 3);
  try {
    for (let round = 0; round < 5; round++) {
      const live = new Map<string, 'snapshot' | 'fork'>();
      const problems: string[] = [];
      const known = new Set<string>();
      const seen = await observe(
        {},
        {
          record(record) {
            if (record.type === 'cgroup') return;
            const key = `${record.pid}:${record.startNs}`;
            if (record.type === 'snapshot' || record.type === 'fork') {
              if (known.has(key))
                problems.push(`${record.type} of ${key}, which is known as ${live.get(key)}`);
              known.add(key);
              live.set(key, record.type);
            } else if (record.type === 'exit') {
              known.add(key);
              live.delete(key);
            }
          },
          batchEnd() {},
        },
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
      const now = seen.collector.snapshot();
      // A process is in the list of tasks a moment before its record is in the ring.
      const missing = () => now.filter(({ pid, startNs }) => !known.has(`${pid}:${startNs}`));
      for (let attempt = 0; attempt < 500; attempt++) {
        seen.collector.drain();
        if (missing().length === 0) break;
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      for (const { pid, startNs, comm } of missing()) problems.push(`${pid}:${startNs} ${comm} is missing`);
      await seen.close();
      assert.deepEqual(problems, []);
      const children = now.filter((process) => process.parentPid === held.pid);
      assert.equal(children.length, 300);
    }
  } finally {
    await Promise.all([held.finish(), churn.finish()]);
  }
});

test('events arrive in order within each process at full speed', { skip }, async () => {
  const state = new Map<string, ProcessEvent['type']>();
  const problems: string[] = [];
  const seen = await observe(
    {},
    {
      record(record) {
        if (record.type === 'cgroup' || record.type === 'snapshot' || record.type === 'move') return;
        const key = `${record.pid}:${record.startNs}`;
        const last = state.get(key);
        if (record.type === 'fork' && last !== undefined) problems.push(`fork of ${key} after ${last}`);
        if (last === 'exit') problems.push(`${record.type} of ${key} after its exit`);
        state.set(key, record.type);
      },
      batchEnd() {},
    },
  );
  try {
    await runWorkload('execs', 10_000, 4);
    seen.collector.drain();
    assert.deepEqual(problems, []);
    assert.ok(state.size > 10_000);
  } finally {
    await seen.close();
  }
});
