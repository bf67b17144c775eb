// CPU and memory of live processes, read from a procfs made by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PAGE_BYTES } from '../../os/index.ts';
import { readStat } from '../procfs/index.ts';
import { DENIED, FAILED, GONE } from '../procfs/proc-files.ts';
import { UsageReader } from './usage-reader.ts';

/** The stat files of a few processes. */
class StatFiles {
  readonly bytes = new Uint8Array(4096);
  readonly stats = new Map<number, string | number>();
  reads = 0;

  put(pid: number, { start = 100, user = 0, system = 0, rss = 0, comm = 'a' } = {}): void {
    const rest = `S 1 1 1 0 -1 64 1 2 3 4 ${user} ${system} 7 8 20 0 1 0 ${start} 4096 ${rss} 18446744073709551615`;
    this.stats.set(pid, `${pid} (${comm}) ${rest}\n`);
  }

  read(pid: number): number {
    this.reads++;
    const stat = this.stats.get(pid) ?? GONE;
    return typeof stat === 'number' ? stat : Buffer.from(this.bytes.buffer).write(stat);
  }
}

class Desk {
  nowMs = 0;
  readonly files = new StatFiles();
  readonly reader = new UsageReader({ procRoot: '/none', nowMs: () => this.nowMs, files: this.files });
}

const process = (pid: number, startNs = 1_000_000_000n) => ({ pid, startNs, state: 'running' });

test('memory at once, CPU in percent of a core from the second reading on', async () => {
  const desk = new Desk();
  const a = process(7);
  desk.files.put(7, { user: 100, system: 50, rss: 3, comm: 'evil) R 1 (\n' });
  await desk.reader.refresh([a]);
  assert.deepEqual(
    { ...desk.reader.of(a) },
    { cpuNs: 1.5e9, rssBytes: 3 * PAGE_BYTES, cpuPercent: null, atMs: 0 },
  );
  desk.nowMs = 2000;
  desk.files.put(7, { user: 200, system: 50, rss: 4 });
  await desk.reader.refresh([a]);
  assert.equal(desk.reader.of(a)?.cpuPercent, 50);
  assert.equal(desk.reader.of(a)?.cpuNs, 2.5e9);
});

test('many askers cost one reading a second', async () => {
  const desk = new Desk();
  const processes = Array.from({ length: 200 }, (_, index) => process(index + 1));
  for (const { pid } of processes) desk.files.put(pid, { rss: pid });
  await Promise.all(Array.from({ length: 10 }, () => desk.reader.refresh(processes)));
  assert.equal(desk.files.reads, 200);
  desk.nowMs = 999;
  await desk.reader.refresh(processes);
  assert.equal(desk.files.reads, 200);
  desk.nowMs = 1000;
  await desk.reader.refresh(processes);
  assert.equal(desk.files.reads, 400);
});

test('a pid that another process has by now is not read for the one before', async () => {
  const desk = new Desk();
  const before = process(7, 1_009_999_999n);
  const after = process(7, 1_010_000_000n);
  desk.files.put(7, { start: 101, rss: 9 });
  await desk.reader.refresh([before, after]);
  assert.equal(desk.reader.of(before), null);
  assert.equal(desk.reader.of(after)?.rssBytes, 9 * PAGE_BYTES);
});

test('what cannot be read is counted, what has ended is not', async () => {
  const desk = new Desk();
  desk.files.stats.set(1, DENIED).set(2, FAILED).set(3, 'rubbish').set(4, GONE);
  const all = [1, 2, 3, 4].map((pid) => process(pid));
  const ended = { ...process(5), state: 'exited' };
  desk.files.put(5);
  await desk.reader.refresh([...all, ended]);
  assert.equal(desk.reader.unreadable, 3);
  for (const one of [...all, ended]) assert.equal(desk.reader.of(one), null);
});

test('the own process is read as the kernel has it', async () => {
  const reader = new UsageReader({ procRoot: '/proc', nowMs: () => performance.now() });
  const { pid } = globalThis.process;
  const own = process(pid, readStat('/proc', pid)!.startNs);
  await reader.refresh([own]);
  const usage = reader.of(own)!;
  const { user, system } = globalThis.process.cpuUsage();
  assert.ok(Math.abs(usage.cpuNs / 1000 - user - system) < 200_000, `${usage.cpuNs}`);
  const rss = globalThis.process.memoryUsage.rss();
  assert.ok(Math.abs(usage.rssBytes - rss) < 0.2 * rss, `${usage.rssBytes} ${rss}`);
});
