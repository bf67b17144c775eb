// What every collector must do, whichever way it watches: one suite that all of them pass.
//
// The processes live long enough to be seen by polling. What only a collector that loses nothing can promise is tested
// beside that collector.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE } from '../../test/support/patience.ts';
import { type RunningWorkload, runWorkload, startWorkload } from '../../test/workload/index.ts';
import type { DecodedRecord, EventBase, ExecEvent, ExitEvent, ForkEvent } from '../decode/index.ts';
import type { Collector } from './collector.ts';

export interface ContractOptions {
  /** Why the collector cannot run here. */
  readonly skip?: string | false;
}

/** How long each state of a test's process lasts. */
const LIFE_MS = 800 * Math.min(PATIENCE, 4);
const DEADLINE_MS = 15_000 * PATIENCE;

interface Watch {
  readonly collector: Collector;
  readonly records: DecodedRecord[];
  of<T extends 'fork' | 'exec' | 'exit'>(type: T, pid: number): Extract<DecodedRecord, { type: T }>[];
  /** Waits until the record is there. */
  until<T>(what: string, find: () => T | undefined): Promise<T>;
}

/** Registers the tests. `makeCollector` gives one that is not started; the tests start and close it. */
export function collectorContract(
  name: string,
  makeCollector: () => Collector | Promise<Collector>,
  { skip = false }: ContractOptions = {},
): void {
  /** `open` makes and starts one: what was there before then is for the snapshot. */
  const contract = (
    promise: string,
    body: (open: () => Promise<Watch>) => Promise<void>,
    skipHere: string | false = false,
  ) =>
    test(`${name}: ${promise}`, { skip: skip || skipHere }, async () => {
      let collector: Collector | undefined;
      try {
        await body(async () => {
          collector = await makeCollector();
          const watch = watchWith(collector);
          await collector.start({ record: (record) => watch.records.push(record), batchEnd() {} });
          return watch;
        });
      } finally {
        await collector?.close();
      }
    });

  contract('processes that exist at the start are told as snapshots, each once', async (open) => {
    await withWorkload(['hold', 2], async (workload) => {
      await workload.ready;
      const watch = await open();
      const snapshots = watch.records.filter((record) => record.type === 'snapshot');
      const own = snapshots.filter(({ pid }) => pid === process.pid);
      assert.equal(own.length, 1);
      const held = snapshots.filter(({ parentPid }) => parentPid === workload.pid);
      assert.equal(held.length, 2);
      const parent = snapshots.find(({ pid }) => pid === workload.pid)!;
      assert.equal(parent.parentPid, process.pid);
      assert.equal(parent.parentStartNs, own[0]!.startNs);
      for (const child of held) assert.equal(child.parentStartNs, parent.startNs);
      assert.equal(new Set(snapshots.map(keyOf)).size, snapshots.length);
      assert.deepEqual(
        watch.records.filter(({ type }) => type === 'fork' || type === 'exec').filter(isAbout(workload.pid)),
        [],
      );
    });
  });

  contract('a child is told with its parent, then what it executes, then its end', async (open) => {
    const watch = await open();
    const args = ['execs', 1, '--before-ms', LIFE_MS, '--ms', LIFE_MS, '--pids'];
    await withWorkload(args, async (workload) => {
      const parent = await watch.until('the fork of the workload', () => watch.of('fork', workload.pid)[0]);
      assert.equal(parent.parentPid, process.pid);
      const child = await watch.until('the fork of its child', () => childOf(watch, parent));
      assert.equal(child.parentPid, workload.pid);
      assert.equal(child.parentStartNs, parent.startNs);
      assert.equal(child.forkerPid, workload.pid);
      assert.equal(child.forkerStartNs, parent.startNs);

      const exec = await watch.until('the exec of the child', () => watch.of('exec', child.pid)[0]);
      assert.deepEqual(exec.argv, ['workload', 'true', '0', String(LIFE_MS)]);
      assert.equal(exec.argc, 4);
      assert.equal(exec.startNs, child.startNs);

      const exit = await watch.until('the exit of the child', () => watch.of('exit', child.pid)[0]);
      assert.equal(exit.startNs, child.startNs);
      assert.ok(exit.exitCode === 0 || exit.exitCode === null);
      assert.equal(exit.exitSignal, null);
      const report = await workload.finish();
      await watch.until('the exit of the workload', () => watch.of('exit', workload.pid)[0]);
      assert.equal(report.processes![0]!.pid, child.pid);
      assertWholeLives(watch, [child, parent]);
    });
  });

  contract('threads are no processes, and a process lives until its last thread ends', async (open) => {
    const watch = await open();
    const args = ['threads', 3, '--leader-first', '--ms', LIFE_MS, '--code', 9, '--pids'];
    await withWorkload(args, async (workload) => {
      const parent = await watch.until('the fork of the workload', () => watch.of('fork', workload.pid)[0]);
      const child = await watch.until('the fork of its child', () => childOf(watch, parent));
      const exit = await watch.until('its exit', () => watch.of('exit', child.pid)[0]);
      const livedMs = Number(exit.ktimeNs - child.startNs) / 1e6;
      assert.ok(livedMs > LIFE_MS * 0.9, `the exit of its leader, after ${livedMs} ms, is not its own`);
      assert.ok(exit.exitCode === 9 || exit.exitCode === null);
      await workload.finish();
      watch.collector.drain();
      const children = watch.records.filter((record) => record.type === 'fork').filter(isChildOf(parent));
      assert.equal(children.length, 1);
      assertWholeLives(watch, [child]);
    });
  });

  const twoLives = async (open: () => Promise<Watch>) => {
    const watch = await open();
    const { processes } = await runWorkload('pid-reuse', '--ms', LIFE_MS, '--gap-ms', 30, '--pids');
    const { pid } = processes!.at(-1)!;
    await watch.until('both lives', () => (watch.of('exit', pid).length >= 2 ? true : undefined));
    const named = (which: string) => watch.of('exec', pid).find(({ argv }) => argv[1] === which)!;
    const first = named('first-life');
    const second = named('second-life');
    assert.notEqual(first.startNs, second.startNs);
    const order = watch.records
      .filter(isAbout(pid))
      .filter((record) => record.startNs === first.startNs || record.startNs === second.startNs)
      .map((record) => `${record.type} ${record.startNs === first.startNs ? 1 : 2}`);
    assert.deepEqual(order, ['fork 1', 'exec 1', 'exit 1', 'fork 2', 'exec 2', 'exit 2']);
  };
  const needsRoot = process.getuid?.() !== 0 && 'only root may choose the pid of a process';
  contract('two lives of one pid are two processes', twoLives, needsRoot);

  contract('a name is only a name, whatever is in it', async (open) => {
    const watch = await open();
    // A newline, what follows a name in /proc/PID/stat, and a line of /proc/PID/status after a carriage return.
    const name = '\n) Z 1\rUid: 7 7';
    const args = ['comm', Buffer.from(name).toString('hex'), '--ms', LIFE_MS];
    await withWorkload(args, async (workload) => {
      const parent = await watch.until('the fork of the workload', () => watch.of('fork', workload.pid)[0]);
      const child = await watch.until('the fork of its child', () => childOf(watch, parent));
      const found = await watch.until('its new name', () =>
        watch.collector
          .snapshot()
          .find((process) => keyOf(process) === keyOf(child) && process.comm === name),
      );
      assert.equal(found.parentPid, workload.pid);
      assert.equal(found.uid, process.getuid?.());
      assert.equal(watch.of('exit', child.pid).length, 0);
      assert.equal(watch.of('exec', child.pid).length, 0, 'a new name is no exec');
      await workload.finish();
    });
  });

  contract('a process is forked once, and not at all when it was in the snapshot', async (open) => {
    await withWorkload(['hold', 20], async (before) => {
      await before.ready;
      const watch = await open();
      await withWorkload(['hold', 20, '--exec', '--pids'], async (after) => {
        await after.ready;
        await sleep(LIFE_MS);
        watch.collector.drain();
        await Promise.all([before.finish(), after.finish()]);
        await watch.until('the exit of the second', () => watch.of('exit', after.pid)[0]);
        const births = watch.records
          .filter((record) => record.type === 'fork' || record.type === 'snapshot')
          .map(keyOf);
        assert.equal(new Set(births).size, births.length);
        const parent = watch.of('fork', after.pid)[0]!;
        const children = watch.records.filter((record) => record.type === 'fork').filter(isChildOf(parent));
        assert.equal(children.length, 20);
        assertWholeLives(watch, children);
      });
    });
  });

  contract('a cgroup is named before the first record that is in it', async (open) => {
    const watch = await open();
    await runWorkload('execs', 1, '--before-ms', LIFE_MS, '--ms', LIFE_MS);
    watch.collector.drain();
    const named = new Set<number>();
    let checked = 0;
    for (const record of watch.records) {
      if (record.type === 'cgroup') named.add(record.cgroupId);
      else if (record.cgroupId !== 0) {
        assert.ok(named.has(record.cgroupId), `${record.type} of ${record.pid} in ${record.cgroupId}`);
        checked++;
      }
    }
    assert.ok(checked > 0 || !existsSync('/proc/self/cgroup'));
    for (const record of watch.records) {
      if (record.type === 'cgroup') assert.ok(Number.isSafeInteger(record.cgroupId) && record.path !== '');
    }
  });

  contract('the list of all processes has those that live, by identity and up to date', async (open) => {
    const watch = await open();
    await withWorkload(['hold', 1], async (workload) => {
      await workload.ready;
      const list = watch.collector.snapshot();
      assert.equal(list.filter(({ pid }) => pid === process.pid).length, 1);
      assert.equal(list.filter(({ parentPid }) => parentPid === workload.pid).length, 1);
      assert.equal(new Set(list.map(({ pid }) => pid)).size, list.length);
      await sleep(20);
      const later = watch.collector.snapshot();
      const visited = (snapshots: typeof list) => snapshots.find(({ pid }) => pid === process.pid)!.ktimeNs;
      assert.ok(visited(later) - visited(list) >= 20_000_000n, 'each carries the time of its visit');
      const { pid } = workload;
      await workload.finish();
      assert.equal(watch.collector.snapshot().filter(isAbout(pid)).length, 0);
    });
  });

  contract('the list of all processes and the stream know a process by one identity', async (open) => {
    const watch = await open();
    await withWorkload(['hold', 1], async (workload) => {
      await workload.ready;
      const parent = await watch.until('the fork of the workload', () => watch.of('fork', workload.pid)[0]);
      const child = await watch.until('the fork of its child', () => childOf(watch, parent));
      const own = watch.records.find((record) => record.type === 'snapshot' && record.pid === process.pid);
      assert.ok(own?.type === 'snapshot');
      const list = watch.collector.snapshot();
      const keys = new Set(list.map(keyOf));
      for (const known of [own, parent, child]) assert.ok(keys.has(keyOf(known)), keyOf(known));
      const listed = list.find(({ pid }) => pid === child.pid)!;
      assert.deepEqual([listed.parentPid, listed.parentStartNs], [parent.pid, parent.startNs]);
    });
  });

  contract('zombies are not among the living', async (open) => {
    // The shell becomes a program that never waits for its child, before the child ends.
    const shell = spawn('sh', ['-c', 'sleep 1 & echo $!; exec sleep 30'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(shell.stdout, 'data')) as [Buffer];
      const pid = Number(line);
      while (!/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) await sleep(5);
      const watch = await open();
      const snapshots = watch.records.filter((record) => record.type === 'snapshot');
      assert.equal(snapshots.filter((record) => record.pid === shell.pid).length, 1);
      assert.equal(snapshots.filter((record) => record.pid === pid).length, 0);
      const list = watch.collector.snapshot();
      assert.equal(list.filter((record) => record.pid === shell.pid).length, 1);
      assert.equal(list.filter((record) => record.pid === pid).length, 0);
    } finally {
      shell.kill('SIGKILL');
    }
  });

  contract('what it delivers it has counted', async (open) => {
    const watch = await open();
    await runWorkload('execs', 2, '--before-ms', LIFE_MS, '--ms', LIFE_MS);
    watch.collector.drain();
    const counts = watch.collector.counts();
    for (const type of ['fork', 'exec', 'exit'] as const) {
      const delivered = watch.records.filter((record) => record.type === type).length;
      assert.ok(delivered > 0, `${type}s were seen`);
      assert.ok(counts[type].kernel >= delivered);
      assert.equal(counts[type].lost, 0);
    }
  });

  contract('detached, it has told what happened by then, and its counts are final', async (open) => {
    const watch = await open();
    await withWorkload(['hold', 3], async (workload) => {
      await workload.ready;
      watch.collector.detach();
      const parent = watch.of('fork', workload.pid)[0]!;
      assert.equal(
        watch.records.filter((record) => record.type === 'fork').filter(isChildOf(parent)).length,
        3,
      );
      const counts = watch.collector.counts();
      for (const type of ['fork', 'exec', 'exit'] as const) {
        const delivered = watch.records.filter((record) => record.type === type).length;
        assert.equal(counts[type].kernel, delivered + counts[type].lost, `${type}s without a rest`);
      }
      const told = watch.records.length;
      await runWorkload('execs', 1, '--before-ms', LIFE_MS, '--ms', LIFE_MS);
      assert.deepEqual(watch.collector.counts(), counts);
      assert.equal(watch.records.length, told);
    });
  });

  contract('after its close nothing comes, and closing again is harmless', async (open) => {
    const watch = await open();
    await watch.collector.close();
    const before = watch.records.length;
    await runWorkload('execs', 1, '--before-ms', LIFE_MS, '--ms', LIFE_MS);
    assert.equal(watch.records.length, before);
    await watch.collector.close();
    watch.collector.drain();
    assert.equal(watch.records.length, before);
  });

  test(`${name}: one that was never started can be closed`, { skip }, async () => {
    const collector = await makeCollector();
    await collector.close();
    await collector.close();
  });
}

const keyOf = ({ pid, startNs }: EventBase) => `${pid}:${startNs}`;
const isAbout =
  (pid: number) =>
  (record: DecodedRecord): record is Exclude<DecodedRecord, { type: 'cgroup' }> =>
    record.type !== 'cgroup' && record.pid === pid;
const isChildOf = (parent: EventBase) => (record: EventBase) =>
  record.parentPid === parent.pid && record.parentStartNs === parent.startNs;

const childOf = (watch: Watch, parent: EventBase) =>
  watch.records.filter((record) => record.type === 'fork').find(isChildOf(parent));

function watchWith(collector: Collector): Watch {
  const records: DecodedRecord[] = [];
  return {
    collector,
    records,
    of: (type, pid) =>
      records.filter((record) => record.type === type && record.pid === pid) as Extract<
        DecodedRecord,
        { type: typeof type }
      >[],
    async until(what, find) {
      const deadline = performance.now() + DEADLINE_MS;
      for (;;) {
        collector.drain();
        const found = find();
        if (found !== undefined) return found;
        assert.ok(performance.now() < deadline, `${what} was not told`);
        await sleep(25);
      }
    },
  };
}

async function withWorkload(
  args: (string | number)[],
  body: (workload: RunningWorkload) => Promise<void>,
): Promise<void> {
  const workload = startWorkload(...args);
  try {
    await body(workload);
  } finally {
    await workload.kill();
  }
}

/** Each has one fork, then its execs, then one exit. */
function assertWholeLives(watch: Watch, lives: readonly EventBase[]): void {
  for (const life of lives) {
    const events = watch.records.filter(
      (record): record is ForkEvent | ExecEvent | ExitEvent =>
        record.type !== 'cgroup' && record.type !== 'snapshot' && keyOf(record) === keyOf(life),
    );
    const types = events.map(({ type }) => type);
    assert.match(types.join(' '), /^fork( exec)* exit$/, keyOf(life));
  }
}
