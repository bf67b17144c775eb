import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { ProcessEvent } from '../decode/index.ts';
import type { ProcessTable, ProcessTableOptions } from './index.ts';
import * as fixture from './process-table.fixture.ts';
import {
  CONTAINER,
  exec,
  exit,
  fork,
  HOST,
  INIT,
  move,
  snapshot,
  STARTED_NS,
  UNKNOWN,
} from './process-table.fixture.ts';

let now = STARTED_NS;
let table: ProcessTable;

const makeTable = (options: Partial<ProcessTableOptions> = {}) => fixture.makeTable(options, () => now);

beforeEach(() => {
  now = STARTED_NS;
  table = makeTable();
});

const apply = (event: ProcessEvent, identity = HOST) => table.apply(event, identity);

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
  table.enrich(1, 1n, { executable: '/sbin/init', argv: ['init', '--x'], argvTruncated: true });
  assert.deepEqual(table.byPid(10)?.image.argv, ['init', '--x']);
  assert.equal(table.byPid(10)?.image.argvTruncated, true);
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
  apply(fork(INIT, 11, 2003n), { ...CONTAINER, provenance: 'claimed' });
  assert.deepEqual(table.ledger.decoded, { fork: 2, exec: 1, exit: 1, move: 0 });
  assert.equal(table.ledger.claimedEvents, 1);
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

/** Process 10 since 2000 ns, closed as unseen at 6000 ns by two passes that do not have it. */
function closeUnseen(): void {
  apply(fork(INIT, 10, 2000n));
  apply(exec(10, 2000n, 2100n, 'daemon'));
  table.heal([], 5000n, () => HOST);
  table.heal([], 6000n, () => HOST);
  assert.equal(table.byIdentity(10, 2000n)?.state, 'exit_unseen');
}
const account = () => {
  const { exitUnseen, exitsMissing, reopened } = table.ledger;
  return { exitUnseen, exitsMissing, reopened };
};

for (const [sign, show] of [
  ['is listed again', () => table.heal([snapshot(10, 2000n, 7000n)], 6999n, () => CONTAINER)],
  ['executes a program', () => void apply(exec(10, 2000n, 7000n, 'worker'), CONTAINER)],
  ['is put into another cgroup', () => table.move(move(10, 2000n, 7000n), CONTAINER)],
] as const) {
  test(`a process that was closed as unseen and ${sign} runs again, counted`, () => {
    closeUnseen();
    const { serial, bytes } = table.byIdentity(10, 2000n)!;
    show();
    const process = table.byPid(10);
    assert.equal(process, table.byIdentity(10, 2000n));
    assert.deepEqual([process?.state, process?.exitKtimeNs, process?.exit], ['running', null, null]);
    assert.deepEqual([process?.serial, process?.identity], [serial, CONTAINER]);
    assert.deepEqual([table.exitedCount, table.byPid(11)], [0, undefined]);
    assert.ok(process!.bytes >= bytes);
    assert.deepEqual(account(), { exitUnseen: 1, exitsMissing: 0, reopened: 1 });
    apply(exit(10, 2000n, 8000n, 3));
    assert.deepEqual(table.byIdentity(10, 2000n)?.exit?.exitCode, 3);
    assert.deepEqual(account(), { exitUnseen: 1, exitsMissing: 0, reopened: 1 });
    assert.equal(table.exitedCount, 1);
  });
}

test('a process that runs again has its parent and its children back', () => {
  apply(fork(INIT, 9, 1500n));
  apply(fork({ pid: 9, startNs: 1500n }, 10, 2000n));
  apply(fork({ pid: 10, startNs: 2000n }, 11, 2050n));
  const others = (ktimeNs: bigint) => [snapshot(9, 1500n, ktimeNs), snapshot(11, 2050n, ktimeNs)];
  table.heal(others(5000n), 5000n, () => HOST);
  table.heal(others(6000n), 6000n, () => HOST);
  const childrenOf = (pid: number) => [...(table.byPid(pid)?.children ?? [])].map((child) => child.pid);
  assert.deepEqual(childrenOf(9), []);
  table.heal([...others(7000n), snapshot(10, 2000n, 7000n)], 6999n, () => HOST);
  assert.deepEqual([childrenOf(9), childrenOf(10)], [[10], [11]]);
});

test('what is no sign of life, or of another life, leaves a closed process closed', () => {
  closeUnseen();
  apply(exec(10, 2000n, 5999n, 'late'));
  assert.equal(table.byIdentity(10, 2000n)?.state, 'exit_unseen');
  assert.equal(table.byIdentity(10, 2000n)?.image.comm, 'late');
  apply(fork(INIT, 10, 6500n));
  table.heal([snapshot(10, 2000n, 7000n), snapshot(10, 6500n, 7000n)], 6999n, () => HOST);
  assert.equal(table.byPid(10)?.startNs, 6500n);
  assert.equal(table.byIdentity(10, 2000n)?.state, 'exit_unseen');
  apply(exit(10, 6500n, 7100n));
  table.heal([snapshot(10, 6500n, 8000n)], 7999n, () => HOST);
  assert.equal(table.byIdentity(10, 6500n)?.state, 'exited', 'its exit was told');
  assert.deepEqual(account(), { exitUnseen: 1, exitsMissing: 1, reopened: 0 });
});

test('a full table takes no closed process back', () => {
  table = makeTable({ maxLive: 1 });
  closeUnseen();
  apply(fork(INIT, 12, 6100n));
  table.heal([snapshot(10, 2000n, 7000n), snapshot(12, 6100n, 7000n)], 6999n, () => HOST);
  assert.equal(table.byIdentity(10, 2000n)?.state, 'exit_unseen');
  assert.equal(table.ledger.reopened, 0);
});
