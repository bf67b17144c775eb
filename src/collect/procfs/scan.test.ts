// What is told of the changes between two looks at a procfs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExitEvent } from '../../decode/index.ts';
import { briefly, FakeProc, PF_FORKNOEXEC, PF_KTHREAD, PF_WQ_WORKER } from './fake-proc.fixture.ts';

test('the first look tells all that live, parents by identity, and no zombies', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 20, parent: 10, start: 30 });
  proc.put({ pid: 10, start: 20 });
  proc.put({ pid: 40, state: 'Z', argv: [] });
  const { first, look } = await proc.watch();
  assert.deepEqual(briefly(first), ['cgroup 0::/init.scope', 'snapshot 1', 'snapshot 10', 'snapshot 20']);
  const child = first.find((record) => record.type === 'snapshot' && record.pid === 20);
  assert.ok(child?.type === 'snapshot');
  assert.equal(child.startNs, 300_000_000n);
  assert.equal(child.parentStartNs, 200_000_000n);
  assert.deepEqual(child.argv, ['/bin/p20']);
  assert.deepEqual(
    [child.uid, child.gid, child.nsPid, child.sessionId, child.loginuid, child.capEffective],
    [1000, 100, 7, 3, 4294967295, 0x1ffffffffff],
  );
  assert.deepEqual([child.pidNs, child.mntNs], [4026531836, 0]);
  assert.deepEqual(look(), []);
});

test('a new process is a fork, and an exec only when the kernel says that it has execed', async () => {
  using proc = new FakeProc();
  const { look } = await proc.watch();
  proc.put({ pid: 10, comm: 'sh', flags: PF_FORKNOEXEC });
  assert.deepEqual(briefly(look()), ['fork 10']);
  proc.put({ pid: 10, comm: 'ls', argv: ['ls', '-l'], image: 99 });
  const [exec, ...rest] = look();
  assert.ok(exec?.type === 'exec' && rest.length === 0);
  assert.deepEqual([exec.comm, exec.argv, exec.argc], ['ls', ['ls', '-l'], 2]);
  proc.put({ pid: 11, parent: 10, comm: 'cat' });
  const both = look();
  assert.deepEqual(briefly(both), ['fork 11', 'exec 11']);
  assert.ok(both[0]?.type === 'fork' && both[1]?.type === 'exec');
  assert.equal(both[0].comm, 'ls', 'at its fork it had the name of its parent');
  assert.equal(both[1].comm, 'cat');
  assert.deepEqual([both[0].forkerPid, both[0].forkerStartNs], [10, 100_000_000n]);
});

test('parents are told before their children, whatever their pids and within one clock tick', async () => {
  using proc = new FakeProc();
  const { look } = await proc.watch();
  for (const [pid, parent] of [
    [300, 1],
    [20, 300],
    [30, 20],
    [25, 30],
  ] as const)
    proc.put({ pid, parent, start: 500, flags: PF_FORKNOEXEC });
  const forks = look();
  assert.deepEqual(briefly(forks), ['fork 300', 'fork 20', 'fork 30', 'fork 25']);
  for (const fork of forks) {
    if (fork.type === 'fork' && fork.pid !== 300) assert.equal(fork.parentStartNs, 5_000_000_000n);
  }
});

test('an exec of the same program with the same arguments is an exec', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 10 });
  const { look } = await proc.watch();
  proc.put({ pid: 10, image: 11 });
  assert.deepEqual(briefly(look()), ['exec 10']);
  assert.deepEqual(look(), []);
});

test('another name or other arguments without a new image are no exec', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 10 });
  const { collector, look } = await proc.watch();
  proc.put({ pid: 10, comm: 'renamed', argv: ['postgres: idle'] });
  proc.pass(60);
  assert.deepEqual(look(), []);
  assert.equal(collector.snapshot().find(({ pid }) => pid === 10)!.comm, 'renamed');
});

test('capabilities that a process drops without an exec are no event, and in the next list', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 10, capEffective: '0000000000000400' });
  const { collector, look } = await proc.watch();
  const listed = () => collector.snapshot().find(({ pid }) => pid === 10)!.capEffective;
  assert.equal(listed(), 0x400);
  proc.put({ pid: 10, capEffective: '0000000000000000' });
  proc.pass(60);
  assert.deepEqual(look(), []);
  assert.equal(listed(), 0);
});

test('where images are hidden, name and arguments together, or the size of the code, show an exec', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 10, image: 0, exe: null });
  const { look } = await proc.watch();
  proc.put({ pid: 10, image: 0, exe: null, comm: 'thread-name' });
  assert.deepEqual(look(), [], 'a name alone');
  proc.put({ pid: 10, image: 0, exe: null, comm: 'thread-name', argv: ['title'] });
  proc.pass(60);
  assert.deepEqual(look(), [], 'arguments alone');
  proc.put({ pid: 10, image: 0, exe: null, comm: 'b', argv: ['b', '1'] });
  const [exec] = look();
  assert.ok(exec?.type === 'exec');
  assert.deepEqual([exec.executable, exec.argv], ['b', ['b', '1']]);
  proc.put({ pid: 10, image: 0, exe: null, comm: 'b', argv: ['b', '1'], codeKib: 200 });
  assert.deepEqual(look(), [], 'the size is looked at now and then');
  proc.pass(11);
  assert.deepEqual(briefly(look()), ['exec 10']);
  proc.put({ pid: 10, image: 0, exe: null, comm: 'b', argv: [], codeKib: 0 });
  proc.pass(11);
  assert.deepEqual(look(), [], 'memory that is being given back is no new image');
  proc.remove(10);
  const [exit] = look();
  assert.ok(exit?.type === 'exit' && exit.maxRssBytes === 2048 * 1024);
});

test('another life of a pid is an exit, then a fork', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 10, start: 10 });
  const { look } = await proc.watch();
  proc.put({ pid: 10, start: 900, comm: 'next' });
  const records = look();
  assert.deepEqual(briefly(records), ['exit 10', 'fork 10', 'exec 10']);
  assert.ok(records[0]?.type === 'exit' && records[1]?.type === 'fork');
  assert.deepEqual([records[0].startNs, records[1].startNs], [100_000_000n, 9_000_000_000n]);
});

test('what is gone has exited, with an unknown status; a parent after its new children', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 10, userTicks: 3 });
  const { look } = await proc.watch();
  proc.remove(10);
  proc.put({ pid: 20, flags: PF_FORKNOEXEC });
  const records = look();
  assert.deepEqual(briefly(records), ['fork 20', 'exit 10']);
  const exit = records[1] as ExitEvent;
  assert.deepEqual([exit.exitCode, exit.exitSignal, exit.coreDumped], [null, null, false]);
  assert.deepEqual(
    [exit.cpuNs, exit.maxRssBytes, exit.minorFaults, exit.majorFaults],
    [30_000_000, 2048 * 1024, 11, 12],
  );
  assert.deepEqual(look(), []);
});

for (const [status, image, code, signal, core] of [
  [7 << 8, 1, 7, null, false],
  [255 << 8, 0, 255, null, false],
  [9, 1, null, 9, false],
  [0x80 | 11, 1, null, 11, true],
  [0, 1, 0, null, false],
  [0, 0, null, null, false],
] as const) {
  const shown = image === 0 ? ', which may not be traced,' : '';
  test(`a zombie${shown} with status ${status} has exited, once`, async () => {
    using proc = new FakeProc();
    proc.put({ pid: 10, image });
    const { look } = await proc.watch();
    proc.put({ pid: 10, image, state: 'Z', argv: [], exitStatus: status, codeKib: 0 });
    const [exit, ...rest] = look();
    assert.ok(exit?.type === 'exit' && rest.length === 0);
    assert.deepEqual([exit.exitCode, exit.exitSignal, exit.coreDumped], [code, signal, core]);
    assert.equal(exit.maxRssBytes, 2048 * 1024, 'its memory is gone, but was known');
    assert.deepEqual(look(), []);
    proc.remove(10);
    assert.deepEqual(look(), []);
  });
}

test('a process that was born and died since the last look is told while it is a zombie', async () => {
  using proc = new FakeProc();
  const { look } = await proc.watch();
  proc.put({ pid: 10, state: 'Z', argv: [], exe: null, exitStatus: 3 << 8, codeKib: 0 });
  const records = look();
  assert.deepEqual(briefly(records), ['fork 10', 'exec 10', 'exit 10']);
  assert.ok(records[1]?.type === 'exec' && records[2]?.type === 'exit');
  assert.equal(records[1].argvUnreadable, true);
  assert.equal(records[1].executable, 'p10');
  assert.equal(records[2].exitCode, 3);
  assert.deepEqual(look(), []);
  proc.put({ pid: 10, start: 5000, flags: PF_FORKNOEXEC });
  assert.deepEqual(briefly(look()), ['fork 10'], 'its pid can live again');
});

test('an exec that only its zombie shows is told, without arguments', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 10, flags: PF_FORKNOEXEC, argv: ['shell'] });
  const { look } = await proc.watch();
  proc.put({ pid: 10, comm: 'true', state: 'Z', argv: [], exe: null });
  const records = look();
  assert.deepEqual(briefly(records), ['exec 10', 'exit 10']);
  assert.ok(records[0]?.type === 'exec');
  assert.deepEqual([records[0].argv, records[0].argvUnreadable, records[0].comm], [[], true, 'true']);
});

test('a process whose leader has ended lives until its last thread ends', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 10, threads: 3 });
  const { collector, look } = await proc.watch();
  proc.put({ pid: 10, threads: 2, state: 'Z', image: 0, argv: [], codeKib: 0 });
  proc.pass(60);
  assert.deepEqual(look(), []);
  const alive = collector.snapshot().find(({ pid }) => pid === 10);
  assert.deepEqual(alive?.argv, ['/bin/p10']);
  proc.put({ pid: 10, threads: 1, state: 'Z', argv: [], exitStatus: 4 << 8 });
  const [exit] = look();
  assert.ok(exit?.type === 'exit' && exit.exitCode === 4);
});

test('a process whose leader had ended before it was seen lives too, with unknown arguments', async () => {
  using proc = new FakeProc();
  const leaderless = { threads: 2, state: 'Z', image: 0, argv: [], exe: null, codeKib: 0 };
  proc.put({ pid: 10, ...leaderless });
  const { first, look } = await proc.watch();
  const snapshot = first.find((record) => record.type === 'snapshot' && record.pid === 10);
  assert.ok(snapshot?.type === 'snapshot' && snapshot.argv === null);
  proc.put({ pid: 11, ...leaderless });
  const records = look();
  assert.deepEqual(briefly(records), ['fork 11', 'exec 11']);
  assert.ok(records[1]?.type === 'exec' && records[1].argvUnreadable);
});

test('a process that is handed to another parent says so from then on', async () => {
  using proc = new FakeProc();
  proc.put({ pid: 10, start: 10 });
  proc.put({ pid: 20, parent: 10 });
  const { collector, look } = await proc.watch();
  proc.remove(10);
  proc.put({ pid: 20, parent: 1 });
  assert.deepEqual(briefly(look()), ['exit 10']);
  const orphan = collector.snapshot().find(({ pid }) => pid === 20)!;
  assert.deepEqual([orphan.parentPid, orphan.parentStartNs], [1, 10_000_000n]);
});

test('kernel threads are flagged, have their short names, and never exec', async () => {
  using proc = new FakeProc();
  const kernel = { parent: 2, argv: [], exe: null, image: 0, codeKib: 0 };
  const flags = PF_KTHREAD | PF_FORKNOEXEC;
  proc.put({ ...kernel, pid: 30, flags: flags | PF_WQ_WORKER, comm: 'kworker/0:1H-events_highpri' });
  proc.put({ ...kernel, pid: 31, flags, comm: 'a-name-of-more-than-15-bytes' });
  const { first, look } = await proc.watch();
  const threads = first.filter((record) => record.type === 'snapshot' && record.kernelThread);
  assert.deepEqual(
    threads.map((record) => record.type === 'snapshot' && record.comm),
    ['kworker/0:1H', 'a-name-of-more-'],
  );
  proc.put({ ...kernel, pid: 30, flags: flags | PF_WQ_WORKER, comm: 'kworker/0:1H+other' });
  for (let round = 0; round < 20; round++) assert.deepEqual(look(), []);
  proc.remove(30);
  assert.deepEqual(briefly(look()), ['exit 30']);
});

test('a young process that is moved to its container is in the new cgroup from then on', async () => {
  using proc = new FakeProc();
  const { look } = await proc.watch();
  proc.put({ pid: 10, start: 99_900, flags: PF_FORKNOEXEC });
  assert.deepEqual(briefly(look()), ['fork 10']);
  proc.pass(2);
  const cgroup = '0::/kubepods/pod1/c1\n';
  proc.put({ pid: 10, start: 99_900, flags: PF_FORKNOEXEC, cgroup, uid: 2000 });
  const [record, ...rest] = look();
  assert.ok(record?.type === 'cgroup' && rest.length === 0);
  assert.deepEqual([record.source, record.hierarchyId, record.path], ['procfs', 0, cgroup]);
  proc.remove(10);
  const [exit] = look();
  assert.ok(exit?.type === 'exit');
  assert.deepEqual([exit.cgroupId, exit.uid], [record.cgroupId, 2000]);
});
