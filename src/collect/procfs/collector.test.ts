// What the collector does around its looks: arguments, cgroups, lists, status.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DecodedRecord, NOTHING_MASKED } from '../../decode/index.ts';
import { ProcCgroups } from './cgroups.ts';
import { ProcfsCollector } from './collector.ts';
import { briefly, FakeProc } from './fake-proc.fixture.ts';
import { findHiding } from './hiding.ts';

test('arguments are masked before anybody sees them, and their number is told', async () => {
  using proc = new FakeProc();
  const asked: string[] = [];
  const mask = (argv: string[], executable: string) => {
    asked.push(executable);
    const at = argv.indexOf('hunter2');
    if (at === -1) return NOTHING_MASKED;
    argv[at] = '***';
    return { masked: 1, cut: false };
  };
  proc.put({ pid: 9, argv: ['login', 'hunter2'] });
  const { first, look } = await proc.watch({ mask });
  assert.ok(
    !JSON.stringify(first, (_, value) => (typeof value === 'bigint' ? 0 : value)).includes('hunter2'),
  );
  proc.put({ pid: 10, argv: ['login', 'hunter2'] });
  const exec = look().find((record) => record.type === 'exec');
  assert.deepEqual([exec?.argv, exec?.argvMasked], [['login', '***'], 1]);
  assert.ok(asked.includes('/bin/p10'));
});

test('arguments are cut after argvBytes, and that is told', async () => {
  using proc = new FakeProc();
  const { look } = await proc.watch({ argvBytes: 8 });
  proc.put({ pid: 10, argv: ['abc', 'def'] });
  proc.put({ pid: 11, argv: ['abc', 'defg'] });
  proc.put({ pid: 12, argv: ['', 'a', ''] });
  const execs = look().filter((record) => record.type === 'exec');
  assert.deepEqual(
    execs.map(({ argv, argvTruncated }) => [argv, argvTruncated]),
    [
      [['abc', 'def'], false],
      [['abc', 'defg'], true],
      [['', 'a', ''], false],
    ],
  );
});

test('without permission the executable is what the arguments say', async () => {
  using proc = new FakeProc();
  const { look } = await proc.watch();
  proc.put({ pid: 10, exe: null, image: 0, argv: ['./server', '-x'] });
  proc.put({ pid: 11, exe: null, image: 0, argv: [], comm: 'nameless' });
  const execs = look().filter((record) => record.type === 'exec');
  assert.deepEqual(
    execs.map(({ executable, inode, pidNs }) => [executable, inode, pidNs]),
    [
      ['./server', 0, 0],
      ['nameless', 0, 0],
    ],
  );
});

test('a cgroup is named once, before its first process, with the same id in every collector', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 5, cgroup: '0::/a\n' });
  proc.put({ pid: 6, cgroup: '0::/b\n' });
  const one = await proc.watch();
  assert.deepEqual(briefly(one.first), [
    'cgroup 0::/init.scope',
    'snapshot 1',
    'cgroup 0::/a',
    'snapshot 5',
    'cgroup 0::/b',
    'snapshot 6',
  ]);
  proc.put({ pid: 7, cgroup: '0::/b\n' });
  proc.put({ pid: 8, cgroup: null });
  const records = one.look();
  assert.deepEqual(briefly(records), ['fork 7', 'exec 7', 'fork 8', 'exec 8']);
  assert.ok(records[2]?.type === 'fork' && records[2].cgroupId === 0);
  proc.remove(5);
  const idOf = (list: DecodedRecord[], path: string) =>
    list.find((record) => record.type === 'cgroup' && record.path === path);
  const two = await proc.watch();
  const [first, second] = [idOf(one.first, '0::/b\n'), idOf(two.first, '0::/b\n')];
  assert.ok(first?.type === 'cgroup' && second?.type === 'cgroup');
  assert.equal(first.cgroupId, second.cgroupId);
  assert.ok(Number.isSafeInteger(first.cgroupId) && first.cgroupId >= 2 ** 52);
});

test('cgroups that were forgotten are named again', () => {
  const cgroups = new ProcCgroups(2);
  const named: string[] = [];
  const ids = ['a', 'b', 'a', 'c', 'a', 'a'].map((content) =>
    cgroups.idOf(content, 0n, ({ path }) => named.push(path)),
  );
  assert.deepEqual(named, ['a', 'b', 'c', 'a']);
  assert.equal(new Set(ids).size, 3);
  assert.equal(ids[0], ids[5]);
});

test('the list of all processes is as of now; another list tells the collector nothing', async () => {
  using proc = new FakeProc();
  const { collector, look, first } = await proc.watch();
  proc.put({ pid: 10 });
  const cgroups: DecodedRecord[] = [];
  const other = collector.listForSnapshot((record) => cgroups.push(record));
  assert.deepEqual(briefly(other), ['snapshot 1', 'snapshot 10']);
  assert.deepEqual(briefly(cgroups), ['cgroup 0::/init.scope']);
  assert.deepEqual(briefly(look()), ['fork 10', 'exec 10']);
  const list = collector.snapshot();
  assert.ok(list.every(({ ktimeNs }) => ktimeNs > (first[0]?.ktimeNs ?? 0n)));
  assert.equal(new Set(list.map(({ ktimeNs }) => ktimeNs)).size, 1);
});

test('counts are what was seen', async () => {
  using proc = new FakeProc();
  const { collector, look } = await proc.watch();
  proc.put({ pid: 10 });
  proc.put({ pid: 11, flags: 0x40 });
  look();
  proc.remove(10);
  look();
  const { fork, exec, exit, cgroupLost } = collector.counts();
  assert.deepEqual([fork.kernel, exec.kernel, exit.kernel, fork.lost, cgroupLost], [2, 1, 1, 0, 0]);
});

test('it looks by itself, ends a batch only when there was something, and stops when the sink closes it', async () => {
  using proc = new FakeProc();
  const collector = new ProcfsCollector({
    procRoot: proc.root,
    intervalMs: 10,
    boottimeNs: () => 1_000_000_000_000n,
    mask: () => NOTHING_MASKED,
    onError: (error) => assert.fail(String(error)),
  });
  const told: string[] = [];
  let batches = 0;
  await collector.start({
    record(record) {
      told.push(...briefly([record]));
      if (record.type === 'exit') void collector.close();
    },
    batchEnd: () => batches++,
  });
  await sleep(100);
  assert.equal(batches, 1);
  proc.put({ pid: 10 });
  for (let waited = 0; !told.includes('exec 10') && waited < 5000; waited += 10) await sleep(10);
  proc.remove(10);
  for (let waited = 0; !told.includes('exit 10') && waited < 5000; waited += 10) await sleep(10);
  proc.put({ pid: 11 });
  await sleep(100);
  assert.deepEqual(told, ['cgroup 0::/init.scope', 'snapshot 1', 'fork 10', 'exec 10', 'exit 10']);
  assert.equal(batches, 3);
});

test('a mount that hides processes is told from one that does not', () => {
  const line = (point: string, type: string, options: string) =>
    `22 27 0:21 / ${point} rw,relatime shared:5 - ${type} proc ${options}`;
  const hiding = (...lines: string[]) => findHiding(lines.join('\n'), '/proc');
  assert.equal(hiding(line('/proc', 'proc', 'rw')), null);
  assert.match(
    hiding(line('/proc', 'proc', 'rw,gid=4,hidepid=invisible'))!,
    /^hidepid=invisible: .*not listed/,
  );
  assert.match(hiding(line('/proc', 'proc', 'rw,hidepid=1'))!, /not readable/);
  assert.equal(hiding(line('/proc', 'proc', 'rw,hidepid=off')), null);
  assert.equal(hiding(line('/proc', 'proc', 'rw,hidepid=2'), line('/proc', 'proc', 'rw')), null);
  assert.equal(hiding(line('/other', 'proc', 'rw,hidepid=2')), null);
  assert.equal(hiding(line('/proc', 'tmpfs', 'rw,hidepid=2')), null);
  assert.notEqual(findHiding(line('/a\\040b', 'proc', 'rw,hidepid=2'), '/a b'), null);
  assert.equal(hiding('', 'garbage', ' - '), null);
});
