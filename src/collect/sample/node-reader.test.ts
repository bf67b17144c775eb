// The figures of a node, from files made by hand.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { NodeReader } from './node-reader.ts';

function procOf(t: TestContext, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'cognitod-node-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of ['net', 'pressure']) mkdirSync(join(root, folder));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
  return root;
}

/** At a time that goes on by a second at each look, or as `nowMs` says. */
function readerOf(procRoot: string, nowMs?: () => number): NodeReader {
  let ms = 0;
  return new NodeReader({
    procRoot,
    nowMs:
      nowMs ??
      (() => {
        ms += 1000;
        return ms;
      }),
  });
}

test('CPU is of the time since the last reading; iowait is idle', (t) => {
  const root = procOf(t, { stat: 'cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3\n' });
  const reader = readerOf(root);
  assert.equal(reader.read().cpuPercent, 20);
  writeFileSync(join(root, 'stat'), 'cpu  150 0 100 740 110 0 0 0 0 0\n');
  assert.equal(reader.read().cpuPercent, 50);
  assert.equal(reader.read().cpuPercent, 0, 'no time has passed');
});

test('who asks in the same second gets the same reading, and moves nobody else’s beginning', (t) => {
  const stat = (busy: number, idle: number) => `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\n`;
  const root = procOf(t, { stat: stat(0, 100) });
  let ms = 0;
  const reader = readerOf(root, () => ms);
  const first = reader.read();
  writeFileSync(join(root, 'stat'), stat(50, 150));
  ms = 999;
  assert.equal(reader.read(), first);
  ms = 5000;
  assert.equal(reader.read().cpuPercent, 50);
  writeFileSync(join(root, 'stat'), stat(150, 150));
  ms = 5500;
  assert.equal(reader.read().cpuPercent, 50);
  ms = 6000;
  assert.equal(reader.read().cpuPercent, 100, 'since the last reading, not since somebody asked');
});

test('memory, load, pressure', (t) => {
  const root = procOf(t, {
    meminfo: 'MemTotal:        1000 kB\nMemFree: 1 kB\nMemAvailable:     400 kB\n',
    loadavg: '0.50 1.25 2.00 1/100 4321\n',
    'pressure/cpu': 'some avg10=1.50 avg60=0.00 avg300=0.00 total=1\n',
    'pressure/io': 'some avg10=2.00 avg60=0 avg300=0 total=1\nfull avg10=0.75 avg60=0 avg300=0 total=1\n',
  });
  const reading = readerOf(root).read();
  assert.deepEqual([reading.memoryTotalBytes, reading.memoryUsedBytes], [1_024_000, 614_400]);
  assert.deepEqual(reading.loadAverage, [0.5, 1.25, 2]);
  assert.deepEqual(reading.pressure, {
    cpu: { some: 1.5, full: 0 },
    memory: null,
    io: { some: 2, full: 0.75 },
  });
});

test('whole disks and interfaces are summed, parts of them and loopback are not', (t) => {
  const disk = (name: string, read: number, written: number) =>
    `   8       0 ${name} 1 0 ${read} 0 1 0 ${written} 0 0 0 0`;
  const root = procOf(t, {
    diskstats: [
      disk('sda', 10, 20),
      disk('sda1', 10, 20),
      disk('nvme0n1', 1, 2),
      disk('nvme0n1p3', 1, 2),
      disk('dm-0', 5, 5),
      disk('vdb', 100, 0),
      disk('loop3', 9, 9),
      '',
    ].join('\n'),
    'net/dev':
      'Inter-|   Receive\n face |bytes\n    lo: 99 0 0 0 0 0 0 0 99 0\n  eth0: 1000 1 0 0 0 0 0 0 500 1 0\n  eth1:7 1 0 0 0 0 0 0 5 1 0\n',
  });
  const reading = readerOf(root).read();
  assert.deepEqual([reading.diskReadBytes, reading.diskWriteBytes], [111 * 512, 22 * 512]);
  assert.deepEqual([reading.netReceivedBytes, reading.netSentBytes], [1007, 505]);
});

test('a node that shows nothing, or rubbish, gives zeros', (t) => {
  const zeros = readerOf('/nonexistent').read();
  assert.deepEqual([zeros.cpuPercent, zeros.memoryTotalBytes, zeros.loadAverage], [0, 0, [0, 0, 0]]);
  const rubbish = Object.fromEntries(
    ['stat', 'meminfo', 'loadavg', 'diskstats', 'net/dev', 'pressure/cpu'].map((name) => [
      name,
      'x\u0000: y\n-1 a b c\n',
    ]),
  );
  const reading = readerOf(procOf(t, rubbish)).read();
  for (const value of [
    reading.cpuPercent,
    reading.memoryUsedBytes,
    reading.diskReadBytes,
    reading.netSentBytes,
    ...reading.loadAverage,
  ])
    assert.ok(Number.isFinite(value), String(value));
});

test('this node has memory, load and CPU time', () => {
  const reading = readerOf('/proc').read();
  assert.ok(reading.memoryTotalBytes > reading.memoryUsedBytes && reading.memoryUsedBytes > 0);
  assert.ok(reading.cpuPercent > 0 && reading.cpuPercent <= 100);
});
