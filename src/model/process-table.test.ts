import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type {
  ExecEvent,
  ExitEvent,
  ForkEvent,
  ProcessEvent,
  ProcessMove,
  ProcessSnapshot,
} from '../decode/index.ts';
import type { Identity } from '../identity/index.ts';
import { ProcessTable, type ProcessTableOptions } from './index.ts';

const HOST: Identity = {
  containerId: null,
  podUid: null,
  runtime: null,
  qos: null,
  tags: [],
  unit: null,
  cgroupPath: '/',
  provenance: 'not-a-container',
};
const CONTAINER: Identity = {
  ...HOST,
  containerId: 'c'.repeat(64),
  podUid: 'p',
  provenance: 'kernel-cgroup',
};
const UNKNOWN: Identity = { ...HOST, cgroupPath: null, provenance: 'cgroup-unknown' };

/** The agent starts at 1000 ns of boot time in these tests. */
const STARTED_NS = 1000n;
let now = STARTED_NS;
let table: ProcessTable;

function makeTable(options: Partial<ProcessTableOptions> = {}): ProcessTable {
  return new ProcessTable({
    bootId: 'b0075e1f-0000-0000-0000-000000000000',
    clocks: { boottimeNs: () => now, realtimeNs: () => now + 1_700_000_000_000_000_000n },
    retentionSeconds: 300,
    maxExited: 1000,
    maxLive: 1000,
    memoryBytes: 10_000_000,
    ...options,
  });
}

beforeEach(() => {
  now = STARTED_NS;
  table = makeTable();
});

function facts(pid: number, startNs: bigint, ktimeNs: bigint) {
  return {
    source: 'ebpf',
    ktimeNs,
    pid,
    startNs,
    parentPid: 1,
    parentStartNs: 1n,
    uid: 0,
    gid: 0,
    euid: 0,
    loginuid: 4294967295,
    sessionId: 4294967295,
    capEffective: 0,
    execId: null,
    pidNs: 1,
    mntNs: 1,
    cgroupNs: 1,
    nsPid: pid,
    cgroupId: 1,
    cgroupV1Id: 0,
    comm: 'init',
    kernelThread: false,
  } as const;
}

function fork(parent: { pid: number; startNs: bigint }, pid: number, startNs: bigint): ForkEvent {
  return {
    ...facts(pid, startNs, startNs),
    type: 'fork',
    comm: 'sh',
    parentPid: parent.pid,
    parentStartNs: parent.startNs,
    forkerPid: parent.pid,
    forkerStartNs: parent.startNs,
  };
}

function exec(pid: number, startNs: bigint, ktimeNs: bigint, ...argv: string[]): ExecEvent {
  return {
    ...facts(pid, startNs, ktimeNs),
    type: 'exec',
    comm: argv[0]!,
    executable: `/bin/${argv[0]}`,
    argv,
    argc: argv.length,
    argvTruncated: false,
    argvUnreadable: false,
    argvMasked: 0,
    inode: 1,
    device: 1,
    memfd: false,
    deleted: false,
    upperLayer: null,
    callerTid: 0,
  };
}

function exit(pid: number, startNs: bigint, ktimeNs: bigint, exitCode = 0): ExitEvent {
  return {
    ...facts(pid, startNs, ktimeNs),
    type: 'exit',
    exitCode,
    exitSignal: null,
    coreDumped: false,
    cpuNs: 5,
    maxRssBytes: 4096,
    minorFaults: 1,
    majorFaults: 0,
  };
}

function snapshot(pid: number, startNs: bigint, ktimeNs = 1001n): ProcessSnapshot {
  return { ...facts(pid, startNs, ktimeNs), type: 'snapshot', executable: null, argv: null };
}

function move(pid: number, startNs: bigint, ktimeNs: bigint): ProcessMove {
  return { ...facts(pid, startNs, ktimeNs), type: 'move' };
}

const apply = (event: ProcessEvent, identity = HOST) => table.apply(event, identity);
const INIT = { pid: 1, startNs: 1n };

test('a child that is listed before its parent is its child all the same', () => {
  const child = (pid: number, parentStartNs: bigint) =>
    table.adopt({ ...snapshot(pid, 500n), parentPid: 9000, parentStartNs }, HOST);
  child(40, 400n);
  child(41, 400n);
  child(42, 399n);
  child(43, 400n);
  apply(exit(43, 500n, 600n));
  table.adopt(snapshot(9000, 400n), HOST);
  const parent = table.byPid(9000)!;
  assert.deepEqual(
    [...parent.children!].map(({ pid }) => pid),
    [40, 41],
  );
  apply(exit(40, 500n, 700n));
  assert.equal(parent.children!.size, 1);
});

test('a process that is put into a container is in it from then on, without an exec', () => {
  table.adopt(snapshot(1, 1n), HOST);
  apply(fork(INIT, 10, 2000n));
  table.move(move(10, 2000n, 2001n), CONTAINER);
  assert.equal(table.byPid(10)!.identity, CONTAINER);
  assert.equal(table.containerCount, 1);
  assert.equal(table.ledger.decoded.move, 1);
  assert.equal(table.ledger.containerEventsSeen, 0, 'a move is no event');
  table.move(move(10, 1999n, 2002n), HOST);
  assert.equal(table.byPid(10)!.identity, CONTAINER, 'of an older life of the pid');
});

test('a process that nobody announced is found by its move, and only once', () => {
  table.move(move(7, 500n, 2001n), CONTAINER);
  table.adopt(snapshot(7, 500n), HOST);
  assert.deepEqual(
    [table.runningCount, table.byPid(7)!.identity, table.byPid(7)!.birth],
    [1, CONTAINER, 'snapshot'],
  );
  table.move(move(8, 1500n, 2002n), CONTAINER);
  assert.equal(table.byPid(8)!.birth, 'fork_unseen');
});

test('a process keeps the history of its images from fork to exit', () => {
  table.adopt(snapshot(1, 1n), HOST);
  apply(fork(INIT, 10, 2000n));
  apply(exec(10, 2000n, 2001n, 'sh', '-c', 'x'));
  apply(exec(10, 2000n, 2002n, 'ls'));
  apply(exit(10, 2000n, 2003n, 3));
  const process = table.byIdentity(10, 2000n)!;
  assert.equal(process.state, 'exited');
  assert.equal(process.exit?.exitCode, 3);
  assert.equal(process.execSeq, 2);
  assert.deepEqual(
    process.earlierImages?.map((image) => image.comm),
    ['init', 'sh'],
  );
  assert.deepEqual(process.image.argv, ['ls']);
  assert.equal(table.runningCount, 1);
  assert.equal(table.exitedCount, 1);
  assert.equal(table.parentOf(process)?.pid, 1);
});

test('an event says what was known at its moment, whatever comes later', () => {
  table.adopt(snapshot(1, 1n), HOST);
  const forked = apply(fork(INIT, 10, 2000n));
  const execed = apply(exec(10, 2000n, 2001n, 'ls'));
  assert.equal(forked.image.comm, 'init');
  assert.equal(forked.execSeq, 0);
  assert.equal(execed.image.comm, 'ls');
});

test('two lives of one pid never mix', () => {
  table.adopt(snapshot(1, 1n), HOST);
  apply(fork(INIT, 10, 2000n));
  apply(exec(10, 2000n, 2001n, 'first'));
  apply(exit(10, 2000n, 2002n, 1));
  apply(fork(INIT, 10, 3000n));
  apply(exec(10, 3000n, 3001n, 'second'));
  assert.equal(table.byPid(10)?.image.comm, 'second');
  assert.equal(table.byIdentity(10, 2000n)?.image.comm, 'first');
  // The exit of the second finds the second.
  apply(exit(10, 3000n, 3002n, 2));
  assert.equal(table.byIdentity(10, 2000n)?.exit?.exitCode, 1);
  assert.equal(table.byIdentity(10, 3000n)?.exit?.exitCode, 2);
  const id = table.processIdOf(table.byIdentity(10, 3000n)!);
  assert.equal(table.byProcessId(id)?.startNs, 3000n);
});

test('a new life of a pid whose exit was lost closes the old one as unseen', () => {
  apply(fork(INIT, 10, 2000n));
  apply(fork(INIT, 10, 3000n));
  assert.equal(table.byIdentity(10, 2000n)?.state, 'exit_unseen');
  assert.equal(table.byPid(10)?.startNs, 3000n);
  assert.equal(table.ledger.exitUnseen, 1);
});

test('a process whose fork was lost is adopted by its first event and counted', () => {
  apply(exec(10, 2000n, 2001n, 'ls'));
  assert.equal(table.byPid(10)?.birth, 'fork_unseen');
  assert.equal(table.ledger.forkUnseen, 1);
});

test('a process from before the agent that only shows its exit is no loss', () => {
  apply(exit(10, 500n, 1500n));
  assert.equal(table.byIdentity(10, 500n)?.birth, 'snapshot');
  assert.equal(table.ledger.forkUnseen, 0);
});

test('healing closes what the kernel no longer has, in the second pass, and adopts what it has', () => {
  table.adopt(snapshot(1, 1n), HOST);
  apply(fork(INIT, 10, 2000n));
  table.heal([snapshot(1, 1n, 5000n), snapshot(11, 2500n, 5000n)], 5000n, () => HOST);
  assert.equal(table.byPid(10)?.state, 'running');
  assert.equal(table.byPid(11)?.birth, 'fork_unseen');
  table.heal([snapshot(1, 1n, 6000n), snapshot(11, 2500n, 6000n)], 6000n, () => HOST);
  assert.equal(table.byPid(10), undefined);
  assert.equal(table.byIdentity(10, 2000n)?.state, 'exit_unseen');
  assert.equal(table.ledger.exitUnseen, 1);
  assert.equal(table.ledger.forkUnseen, 1);
});

const ALL = 2 ** 41 - 1;
const capabilitiesOf = (pid: number, startNs: bigint) => table.byIdentity(pid, startNs)!.capEffective;

test('a process has the capabilities of its last event, also after its end', () => {
  table.adopt({ ...snapshot(1, 1n), capEffective: ALL }, HOST);
  assert.equal(capabilitiesOf(1, 1n), '000001ffffffffff');
  apply({ ...fork(INIT, 10, 2000n), capEffective: 0x400 });
  assert.equal(capabilitiesOf(10, 2000n), '0000000000000400', 'as its fork says, whatever its parent has');
  apply({ ...exec(10, 2000n, 2100n, 'ls'), capEffective: 0x2020 });
  assert.equal(capabilitiesOf(10, 2000n), '0000000000002020');
  table.move({ ...move(10, 2000n, 2200n), capEffective: 0x20 }, CONTAINER);
  assert.equal(capabilitiesOf(10, 2000n), '0000000000000020');
  apply(exit(10, 2000n, 2300n));
  assert.equal(table.byPid(10), undefined);
  assert.equal(capabilitiesOf(10, 2000n), '0000000000000000');
  assert.equal(capabilitiesOf(1, 1n), '000001ffffffffff');
});

test('each process has its own capabilities, however many sets there are', () => {
  table = makeTable({ maxLive: 5000 });
  for (let set = 0; set < 3000; set++)
    apply({ ...fork(INIT, 10 + set, 2000n), capEffective: ALL - (set % 1500) });
  for (let set = 0; set < 3000; set++)
    assert.equal(Number.parseInt(capabilitiesOf(10 + set, 2000n), 16), ALL - (set % 1500));
});

test('healing shows user and capabilities that a process has changed itself, but not those from before an exec', () => {
  const fallen = { uid: 5, gid: 6, euid: 7, capEffective: 0x400 };
  const heal = (ktimeNs: bigint) =>
    table.heal([{ ...snapshot(10, 500n, ktimeNs), ...fallen }], ktimeNs, () => HOST);
  table.adopt({ ...snapshot(10, 500n), capEffective: ALL }, HOST);
  heal(3000n);
  const { uid, gid, euid, capEffective } = table.byPid(10)!;
  assert.deepEqual([uid, gid, euid, capEffective], [5, 6, 7, '0000000000000400']);
  apply({ ...exec(10, 500n, 4001n, 'su'), capEffective: ALL });
  heal(4000n);
  assert.equal(capabilitiesOf(10, 500n), '000001ffffffffff');
  assert.equal(table.byPid(10)!.uid, 0);
  heal(4001n);
  assert.equal(capabilitiesOf(10, 500n), '0000000000000400');
});

test('healing leaves alone what began after the snapshot', () => {
  apply(fork(INIT, 10, 5001n));
  table.heal([], 5000n, () => HOST);
  table.heal([], 5000n, () => HOST);
  assert.equal(table.byPid(10)?.state, 'running');
});

test('an exit that arrives after healing gives the unseen exit its code', () => {
  apply(fork(INIT, 10, 2000n));
  table.heal([], 5000n, () => HOST);
  table.heal([], 6000n, () => HOST);
  apply(exit(10, 2000n, 4000n, 7));
  assert.equal(table.byIdentity(10, 2000n)?.state, 'exited');
  assert.equal(table.byIdentity(10, 2000n)?.exit?.exitCode, 7);
  assert.equal(table.exitedCount, 1);
});

const missing = () => [table.ledger.execsMissing, table.ledger.exitsMissing];
/** Process 10 since 2000 ns, whose last exec that was told has this number. */
function live(execId: number | null): void {
  apply({ ...fork(INIT, 10, 2000n), execId });
}
/** A healing pass that finds process 10 with this number. */
const pass = (execId: number | null, ktimeNs: bigint) =>
  table.heal([{ ...snapshot(10, 2000n, ktimeNs), execId }], ktimeNs, () => HOST);

test('execs that nobody told are counted by the gap before the next one', () => {
  live(5);
  apply({ ...exec(10, 2000n, 2001n, 'a'), execId: 6 });
  assert.deepEqual(missing(), [0, 0]);
  apply({ ...exec(10, 2000n, 2002n, 'd'), execId: 9 });
  assert.deepEqual(missing(), [2, 0]);
  apply({ ...exec(10, 2000n, 2003n, 'e'), execId: 10 });
  apply({ ...exit(10, 2000n, 2004n), execId: 10 });
  assert.deepEqual(missing(), [2, 0], 'each gap counts once');
});

test('an exit tells of the execs before it that nobody told', () => {
  live(5);
  apply({ ...exit(10, 2000n, 2001n), execId: 6 });
  assert.deepEqual(missing(), [1, 0]);
  assert.deepEqual(table.byIdentity(10, 2000n)?.execSeq, 0);
});

test('one number more at a death by signal is an exec that failed after the point of no return', () => {
  live(5);
  apply({ ...exit(10, 2000n, 2001n), execId: 6, exitCode: null, exitSignal: 11 });
  assert.deepEqual(missing(), [0, 0]);
  apply({ ...fork(INIT, 11, 3000n), execId: 5 });
  apply({ ...exit(11, 3000n, 3001n), execId: 7, exitCode: null, exitSignal: 11 });
  assert.deepEqual(missing(), [2, 0], 'two more cannot both have failed');
});

test('an exec that only two healing passes in a row have seen is missing; one pass may have been early', () => {
  live(5);
  pass(6, 5000n);
  assert.deepEqual(missing(), [0, 0]);
  pass(7, 6000n);
  assert.deepEqual(missing(), [0, 0], 'another number: it is still at it');
  pass(7, 7000n);
  assert.deepEqual(missing(), [2, 0]);
  pass(7, 8000n);
  pass(7, 9000n);
  assert.deepEqual(missing(), [2, 0]);
  pass(8, 10_000n);
  apply({ ...exec(10, 2000n, 10_001n, 'b'), execId: 8 });
  pass(8, 11_000n);
  assert.deepEqual(missing(), [2, 0], 'told between the passes');
});

test('an exec that is told after two passes had counted it takes the count back', () => {
  live(5);
  pass(6, 5000n);
  pass(6, 6000n);
  assert.deepEqual(missing(), [1, 0]);
  apply({ ...exec(10, 2000n, 4000n, 'late'), execId: 6 });
  assert.deepEqual(missing(), [0, 0]);
  pass(8, 7000n);
  pass(8, 8000n);
  apply({ ...exec(10, 2000n, 6500n, 'late'), execId: 7 });
  assert.deepEqual(missing(), [1, 0], 'of two, the first');
  apply({ ...exec(10, 2000n, 6600n, 'late'), execId: 8 });
  assert.deepEqual(missing(), [0, 0], 'and the other');
  apply({ ...exec(10, 2000n, 6600n, 'late'), execId: 8 });
  assert.deepEqual(missing(), [0, 0], 'no more than was counted');
  apply({ ...exit(10, 2000n, 9000n), execId: 8 });
  assert.deepEqual(missing(), [0, 0]);
});

test('an exec that was under way when its process was found was not counted, and takes nothing back', () => {
  table.adopt({ ...snapshot(10, 500n), execId: 6 }, HOST);
  apply({ ...exec(10, 500n, 1002n, 'a'), execId: 6 });
  table.heal(
    [
      { ...snapshot(10, 500n, 2000n), execId: 6 },
      { ...snapshot(11, 600n, 2000n), execId: 3 },
    ],
    2000n,
    () => HOST,
  );
  apply({ ...exec(11, 600n, 2001n, 'b'), execId: 3 });
  assert.deepEqual(missing(), [0, 0]);
  apply({ ...exec(11, 600n, 2002n, 'd'), execId: 5 });
  assert.deepEqual(missing(), [1, 0]);
  apply({ ...exec(12, 2000n, 2003n, 'e'), execId: 4 });
  assert.deepEqual(missing(), [1, 0], 'found by its exec: the fork was lost');
});

test('a process that is gone without an exit lacks one, until that is told', () => {
  live(5);
  table.heal([], 5000n, () => HOST);
  assert.deepEqual(missing(), [0, 0]);
  table.heal([], 6000n, () => HOST);
  assert.deepEqual(missing(), [0, 1]);
  apply({ ...exit(10, 2000n, 4000n), execId: 5 });
  assert.deepEqual(missing(), [0, 0]);
  apply(fork(INIT, 11, 7000n));
  apply(fork(INIT, 11, 8000n));
  assert.deepEqual(missing(), [0, 1], 'a new life of a pid tells of it too');
});

test('where execs have no numbers none is missing', () => {
  live(null);
  apply({ ...exec(10, 2000n, 2001n, 'a'), execId: 9 });
  pass(12, 5000n);
  pass(12, 6000n);
  apply({ ...exit(10, 2000n, 7000n), execId: 20 });
  live(5);
  apply(exec(10, 2000n, 8001n, 'a'));
  pass(null, 9000n);
  pass(null, 10_000n);
  apply(exit(10, 2000n, 11_000n));
  assert.deepEqual(missing(), [0, 0]);
});

test('exited processes stay for their retention and no longer', () => {
  table = makeTable({ retentionSeconds: 1 });
  apply(fork(INIT, 10, 2000n));
  apply(exit(10, 2000n, 3000n));
  table.expire(1_000_002_999n);
  assert.equal(table.exitedCount, 1);
  table.expire(1_000_003_001n);
  assert.equal(table.exitedCount, 0);
  assert.equal(table.estimatedBytes, 0);
});

test('the count of exited processes is bounded, oldest first, and the ledger says so', () => {
  table = makeTable({ maxExited: 2 });
  for (let pid = 10; pid < 15; pid++) {
    apply(fork(INIT, pid, BigInt(pid) * 1000n));
    apply(exit(pid, BigInt(pid) * 1000n, BigInt(pid) * 1000n + 1n));
  }
  assert.deepEqual(
    [...table.exited()].map((process) => process.pid),
    [13, 14],
  );
  assert.equal(table.ledger.droppedExited, 3);
});

test('the memory budget drops exited processes, then images, then new live ones, and counts each', () => {
  table = makeTable({ memoryBytes: 4000 });
  for (let pid = 10; pid < 100; pid++) apply(fork(INIT, pid, BigInt(pid) * 1000n));
  assert.ok(table.estimatedBytes <= 4000, `${table.estimatedBytes} bytes`);
  assert.ok(table.ledger.droppedLive > 0);
  assert.equal(table.runningCount + table.ledger.droppedLive, 90);
  const kept = table.runningCount;
  apply(exec(10, 10_000n, 10_001n, 'x'.repeat(5000)));
  assert.ok(table.ledger.droppedImages > 0);
  apply(exit(10, 10_000n, 10_002n));
  assert.equal(table.runningCount, kept - 1);
  apply(fork(INIT, 500, 900_000n));
  assert.equal(table.byPid(500)?.pid, 500, 'an exited process made room');
  assert.ok(table.ledger.droppedExited > 0);
});

test('the images of a process that execs for ever are bounded', () => {
  apply(fork(INIT, 10, 2000n));
  for (let i = 0; i < 100; i++) apply(exec(10, 2000n, 2001n + BigInt(i), `image${i}`));
  const process = table.byPid(10)!;
  assert.equal(process.execSeq, 100);
  assert.equal(process.earlierImages?.length, 32);
  assert.equal(table.ledger.droppedImages, 68);
});

test('what /proc tells about an image from before the agent reaches the children that share it', () => {
  table.adopt(snapshot(1, 1n), HOST);
  apply(fork(INIT, 10, 2000n));
  table.enrich(1, 1n, { executable: '/sbin/init', argv: ['init', '--x'] });
  assert.deepEqual(table.byPid(10)?.image.argv, ['init', '--x']);
  table.enrich(1, 2n, { executable: '/wrong', argv: [] });
  assert.equal(table.byPid(1)?.image.executable, '/sbin/init');
});

test('enrichment never touches an image that an exec told of', () => {
  apply(fork(INIT, 10, 2000n));
  apply(exec(10, 2000n, 2001n, 'ls'));
  table.enrich(10, 2000n, { executable: '/wrong', argv: ['wrong'] });
  assert.deepEqual(table.byPid(10)?.image.argv, ['ls']);
});

test('the ledger counts events of containers and how many are attributed', () => {
  apply(fork(INIT, 10, 2000n), CONTAINER);
  apply(exec(10, 2000n, 2001n, 'ls'), UNKNOWN);
  apply(exit(10, 2000n, 2002n), HOST);
  assert.deepEqual(table.ledger.decoded, { fork: 1, exec: 1, exit: 1, move: 0 });
  assert.equal(table.ledger.containerEventsSeen, 2);
  assert.equal(table.ledger.containerEventsAttributed, 1);
  assert.equal(table.ledger.unknownCgroupEvents, 1);
});

test('children are those that live, also after their parent exited', () => {
  apply(fork(INIT, 10, 2000n));
  apply(fork({ pid: 10, startNs: 2000n }, 11, 2001n));
  apply(fork({ pid: 10, startNs: 2000n }, 12, 2002n));
  apply(exit(11, 2001n, 2003n));
  apply(exit(10, 2000n, 2004n));
  const parent = table.byIdentity(10, 2000n)!;
  assert.deepEqual(
    [...parent.children!].map((child) => child.pid),
    [12],
  );
  assert.deepEqual(table.parentOf(table.byPid(12)!), parent);
});

test('boot times become wall-clock times with all nanoseconds', () => {
  assert.equal(table.timeOf(1n), '2023-11-14T22:13:20.000000001Z');
  assert.equal(table.timeOf(999_999_999n), '2023-11-14T22:13:20.999999999Z');
  assert.equal(table.timeOf(1_000_000_000n), '2023-11-14T22:13:21.000000000Z');
  assert.equal(table.ktimeOf(1_700_000_000_000_000_001n), 1n);
});
