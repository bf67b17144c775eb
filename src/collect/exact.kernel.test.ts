// The events are exactly the workload: counts, parents, argv, codes, order. Needs root and BPF.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { cannotUseBpf, type Observation, observe } from '../../test/support/observe.ts';
import { buildWorkload, EXIT_WITH, runWorkload } from '../../test/support/workload.ts';
import type { ExecEvent } from '../decode/index.ts';

const skip = cannotUseBpf();
let seen: Observation;

before(async () => {
  if (skip === false) seen = await observe();
});
after(() => seen?.close());

const LOCKED_DOWN = 'the kernel is locked down to confidentiality: layers and names of files are unknown';
const isLockedDown = () => seen.collector.status().limits.some((limit) => limit.includes('locked down'));

const keyOf = (e: { pid: number; startNs: bigint }) => `${e.pid}:${e.startNs}`;

/** Each process has one fork, then its execs, then one exit, in this order. */
function assertWholeLives(d: ReturnType<Observation['descendantsOf']>): void {
  const position = new Map(seen.events.map((event, index) => [event, index]));
  const forks = new Map(d.forks.map((event) => [keyOf(event), position.get(event)!]));
  assert.equal(forks.size, d.forks.length, 'no process is forked twice');
  const exits = new Map(d.exits.map((event) => [keyOf(event), position.get(event)!]));
  assert.equal(exits.size, d.exits.length, 'no process exits twice');
  assert.deepEqual([...exits.keys()].sort(), [...forks.keys()].sort());
  for (const [key, exit] of exits) assert.ok(forks.get(key)! < exit, `${key} forks before it exits`);
  for (const event of d.execs) {
    const at = position.get(event)!;
    assert.ok(
      forks.get(keyOf(event))! < at && at < exits.get(keyOf(event))!,
      `${keyOf(event)} execs in its life`,
    );
  }
}

for (const mode of ['forks', 'vforks'] as const) {
  test(`2000 ${mode} by 4 parents at once give exactly as many forks and exits, with their codes`, {
    skip,
  }, async () => {
    const { pid } = await runWorkload(mode, 2000, 4);
    const d = seen.descendantsOf(pid);
    assert.equal(d.forks.length, 2004);
    assert.equal(d.exits.length, 2004);
    assert.equal(d.execs.length, 0);
    assertWholeLives(d);
    const parents = d.forks.filter((event) => event.parentPid === pid);
    assert.equal(parents.length, 4);
    const parentKeys = new Set(parents.map(keyOf));
    const children = d.forks.filter((event) => event.parentPid !== pid);
    for (const child of children) {
      assert.ok(parentKeys.has(`${child.parentPid}:${child.parentStartNs}`), 'parents are known by identity');
    }
    const codes = new Map<number, number>();
    const childKeys = new Set(children.map(keyOf));
    for (const exit of d.exits) {
      if (childKeys.has(keyOf(exit))) codes.set(exit.exitCode!, (codes.get(exit.exitCode!) ?? 0) + 1);
    }
    for (let code = 0; code < 256; code++) {
      assert.equal(
        codes.get(code),
        Math.floor(2000 / 256) + (code < 2000 % 256 ? 1 : 0),
        `exit code ${code}`,
      );
    }
  });
}

test('2000 execs by 3 parents at once show each argv once, and its exit code', { skip }, async () => {
  const { pid } = await runWorkload('execs', 2000, 3);
  const d = seen.descendantsOf(pid);
  assert.equal(d.forks.length, 2003);
  assert.equal(d.execs.length, 2000);
  assert.equal(d.exits.length, 2003);
  assertWholeLives(d);
  const exits = new Map(d.exits.map((event) => [keyOf(event), event]));
  const numbers = new Set<number>();
  for (const event of d.execs) {
    assert.equal(event.executable, EXIT_WITH);
    assert.equal(event.argc, 3);
    assert.equal(event.argv[0], 'exit-with');
    const number = Number(event.argv[2]);
    numbers.add(number);
    assert.equal(event.argv[1], String(number % 256));
    assert.equal(exits.get(keyOf(event))!.exitCode, number % 256);
    assert.equal(event.comm, 'exit-with');
    assert.equal(event.argvTruncated || event.argvUnreadable || event.memfd || event.deleted, false);
    assert.ok(event.inode > 0 && event.device > 0);
  }
  assert.equal(numbers.size, 2000);
});

test('threads are no forks and their exits no exits', { skip }, async () => {
  const { pid, facts } = await runWorkload('threads', 50);
  const d = seen.descendantsOf(pid);
  assert.deepEqual([d.forks.length, d.execs.length, d.exits.length], [1, 0, 1]);
  assert.equal(d.exits[0]!.pid, facts[0]!.pid);
  assert.equal(d.exits[0]!.exitCode, 5);
});

test('a process whose leader exits first exits once, with the code of its last thread', {
  skip,
}, async () => {
  const { pid } = await runWorkload('leader-first', 77);
  const d = seen.descendantsOf(pid);
  assert.equal(d.exits.length, 1);
  assert.equal(d.exits[0]!.exitCode, 77);
});

test('an exec from a thread that is not the leader is an exec of the process', { skip }, async () => {
  const { pid, facts } = await runWorkload('exec-from-thread');
  const d = seen.descendantsOf(pid);
  assert.deepEqual([d.forks.length, d.execs.length, d.exits.length], [1, 1, 1]);
  assert.equal(d.execs[0]!.pid, facts[0]!.pid);
  assert.ok(d.execs[0]!.callerTid > 0 && d.execs[0]!.callerTid !== facts[0]!.pid);
  assert.deepEqual(d.execs[0]!.argv, ['exit-with', '9', 'from-thread']);
  assert.equal(d.exits[0]!.exitCode, 9);
  assert.equal(d.execs[0]!.startNs, d.forks[0]!.startNs);
});

for (const features of [{}, { exitTellsGroupDead: false }]) {
  const how =
    'exitTellsGroupDead' in features ? 'found without the argument of newer kernels' : "by the kernel's word";
  test(`100 processes of 9 threads that die at one moment exit once each, ${how}`, { skip }, async () => {
    const own = await observe({ features });
    try {
      const { pid, facts } = await runWorkload('simultaneous', 8, 100);
      const d = own.descendantsOf(pid);
      assert.equal(d.forks.length, 100);
      assert.deepEqual(d.exits.map((event) => event.pid).sort(), facts.map((fact) => fact.pid).sort());
    } finally {
      await own.close();
    }
  });
}

test('signals that kill are told, each with its number', { skip }, async () => {
  const signals = [9, 15, 6, 11, 34];
  const { pid, facts } = await runWorkload('signals', ...signals);
  const d = seen.descendantsOf(pid);
  const exits = new Map(d.exits.map((event) => [event.pid, event]));
  assert.deepEqual(
    facts.map((fact) => exits.get(fact.pid!)!.exitSignal),
    signals,
  );
  for (const exit of d.exits) assert.equal(exit.exitCode, null);
});

test('a chain of 20 execs is one process with 20 execs', { skip }, async () => {
  const { pid, facts } = await runWorkload('chain', 20);
  const d = seen.descendantsOf(pid);
  assert.deepEqual([d.forks.length, d.execs.length, d.exits.length], [1, 20, 1]);
  assert.deepEqual(
    d.execs.map((event) => event.argv.at(-1)),
    Array.from({ length: 20 }, (_, index) => String(19 - index)),
  );
  assert.equal(d.exits[0]!.exitCode, 17);
  assert.ok(d.execs.every((event) => event.pid === facts[0]!.pid));
});

test('an orphan keeps its identity and shows its new parent at its exit', { skip }, async () => {
  const { pid, facts } = await runWorkload('orphan');
  const d = seen.descendantsOf(pid);
  const [parent, child] = d.forks;
  assert.equal(parent!.pid, facts[0]!.pid);
  assert.equal(child!.parentPid, parent!.pid);
  assert.equal(child!.parentStartNs, parent!.startNs);
  const exit = d.exits.find((event) => event.pid === child!.pid)!;
  assert.equal(exit.exitCode, 42);
  assert.equal(exit.parentPid, pid, 'handed to the subreaper');
});

test('after clone(CLONE_PARENT) the parent is not the forker, and both are told', { skip }, async () => {
  const { pid, facts } = await runWorkload('clone-parent');
  const d = seen.descendantsOf(pid);
  const sibling = d.forks.find((event) => event.forkerPid === facts[0]!.forker)!;
  assert.equal(sibling.parentPid, pid);
  assert.equal(d.exits.find((event) => event.pid === sibling.pid)!.exitCode, 43);
});

test('executables from a memfd and deleted executables are marked', { skip }, async () => {
  const memfd = seen.descendantsOf((await runWorkload('memfd')).pid).execs[0]!;
  assert.deepEqual([memfd.memfd, memfd.deleted], [true, true]);
  const deleted = seen.descendantsOf((await runWorkload('deleted')).pid).execs[0]!;
  assert.deepEqual([deleted.memfd, deleted.deleted], [false, true]);
  assert.match(deleted.executable, /^\/dev\/fd\/\d+$/);
});

test('a file that was given as a descriptor tells its own name', { skip }, async (t) => {
  if (isLockedDown()) return t.skip(LOCKED_DOWN);
  const memfd = seen.descendantsOf((await runWorkload('memfd')).pid).execs[0]!;
  assert.match(memfd.executable, /^\/dev\/fd\/\d+$/);
  assert.equal(memfd.fileName, 'memfd:payload');
  const ordinary = seen.descendantsOf((await runWorkload('execs', 1, 1)).pid).execs[0]!;
  assert.deepEqual([ordinary.fileName, ordinary.interpreter], [null, null]);
});

test('of a script both are told: the script and its interpreter, whose file is described', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-script-'));
  try {
    const [script, outer] = [join(folder, 'job'), join(folder, 'outer')];
    writeFileSync(script, '#!/bin/sh -e\nexit 7\n', { mode: 0o755 });
    // A script whose interpreter is a script (fs/binfmt_script.c allows five levels).
    writeFileSync(outer, `#!${script}\n`, { mode: 0o755 });
    const inode = statSync('/bin/sh').ino;
    for (const path of [script, outer]) {
      const { pid, status } = spawnSync(path, ['argument']);
      assert.equal(status, 7);
      seen.collector.drain();
      const exec = seen.events.find((event) => event.type === 'exec' && event.pid === pid) as ExecEvent;
      assert.deepEqual([exec.executable, exec.interpreter, exec.inode], [path, '/bin/sh', inode]);
      assert.deepEqual(exec.argv.slice(0, 3), ['/bin/sh', '-e', script]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('on an overlay an executable that was written after the image was made is told from one of the image', {
  skip,
}, async (t) => {
  if (isLockedDown()) return t.skip(LOCKED_DOWN);
  const folder = mkdtempSync(join(tmpdir(), 'cognitod-overlay-'));
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(folder, name));
  for (const path of [lower!, upper!, work!, merged!]) mkdirSync(path);
  buildWorkload();
  copyFileSync(EXIT_WITH, join(lower!, 'from-image'));
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  try {
    const mounted = spawnSync('mount', ['-t', 'overlay', 'overlay', '-o', options, merged!], {
      encoding: 'utf8',
    });
    if (mounted.status !== 0) return t.skip(`no overlay can be mounted here: ${mounted.stderr.trim()}`);
    copyFileSync(EXIT_WITH, join(merged!, 'written-later'));
    for (const name of ['from-image', 'written-later']) spawnSync(join(merged!, name), ['0']);
    spawnSync(EXIT_WITH, ['0', 'no-overlay']);
    seen.collector.drain();
    const layerOf = (comm: string, last?: string) =>
      seen.events.findLast(
        (event) =>
          event.type === 'exec' && event.comm === comm && (last === undefined || event.argv.at(-1) === last),
      ) as ExecEvent;
    assert.equal(layerOf('from-image').upperLayer, false);
    assert.equal(layerOf('written-later').upperLayer, true);
    assert.equal(layerOf('exit-with', 'no-overlay').upperLayer, null);
  } finally {
    spawnSync('umount', [merged!]);
    rmSync(folder, { recursive: true, force: true });
  }
});

test('every byte of argv survives: invalid UTF-8, newlines, escape sequences, empty arguments', {
  skip,
}, async () => {
  const { pid } = await runWorkload(
    'argv',
    '61',
    '30',
    'ff80',
    '-',
    '1b5b33316d',
    '0a',
    'e282ac',
    '5c786666',
    '-',
  );
  const [event] = seen.descendantsOf(pid).execs;
  assert.deepEqual(event!.argv, ['a', '0', '\\xff\\x80', '', '\x1b[31m', '\n', '€', '\\x5cxff', '']);
  assert.equal(event!.argc, 9);
});

test('an exec without any argument has an argv of one empty string, as the kernel makes it', {
  skip,
}, async () => {
  const { pid } = await runWorkload('argv');
  const [event] = seen.descendantsOf(pid).execs;
  assert.deepEqual(event!.argv, ['']);
});

test('a long argv is cut at 4 KiB and marked', { skip }, async () => {
  const { pid } = await runWorkload('long-argv', 10_000);
  const [event] = seen.descendantsOf(pid).execs;
  assert.equal(event!.argvTruncated, true);
  assert.equal(event!.argc, 3);
  assert.equal(event!.argv.length, 3);
  assert.equal(event!.argv[2]!.length, 4096 - 'exit-with 0 '.length);
  assert.ok('abcdefghijklmnopqrstuvwxyz'.repeat(500).startsWith(event!.argv[2]!));
});

test('argv is whole up to 32 KiB when the setting says so', { skip }, async () => {
  const own = await observe({ argvBytes: 32_768 });
  try {
    const whole = own.descendantsOf((await runWorkload('long-argv', 32_755)).pid).execs[0]!;
    assert.equal(whole.argvTruncated, false);
    assert.equal(whole.argv[2]!.length, 32_755);
    const cut = own.descendantsOf((await runWorkload('long-argv', 32_756)).pid).execs[0]!;
    assert.equal(cut.argvTruncated, true);
  } finally {
    await own.close();
  }
});

test('two lives of one pid have two identities, and their events never mix', { skip }, async () => {
  const wanted = 31_234;
  const { pid } = await runWorkload('reuse-pid', wanted);
  const d = seen.descendantsOf(pid);
  assert.deepEqual(
    d.forks.map((event) => event.pid),
    [wanted, wanted],
  );
  const [first, second] = d.forks.map((event) => event.startNs);
  assert.ok(first! < second!);
  assert.deepEqual(
    d.execs.map((event) => [event.startNs, event.argv[2]]),
    [
      [first, 'first'],
      [second, 'second'],
    ],
  );
  assert.deepEqual(
    d.exits.map((event) => [event.startNs, event.exitCode]),
    [
      [first, 51],
      [second, 52],
    ],
  );
});

test('an event holds the facts of its process: user, capabilities, namespaces, cgroup', {
  skip,
}, async () => {
  const { pid } = await runWorkload('execs', 1);
  const [event] = seen.descendantsOf(pid).execs;
  assert.deepEqual([event!.uid, event!.gid, event!.euid], [0, 0, 0]);
  const { readFileSync, readlinkSync } = await import('node:fs');
  const status = readFileSync('/proc/self/status', 'utf8');
  assert.equal(event!.capEffective.toString(16).padStart(16, '0'), /CapEff:\s*(\w+)/.exec(status)![1]);
  const namespace = (kind: string) => Number(/\d+/.exec(readlinkSync(`/proc/self/ns/${kind}`))![0]);
  assert.equal(event!.pidNs, namespace('pid'));
  assert.equal(event!.mntNs, namespace('mnt'));
  assert.equal(event!.cgroupNs, namespace('cgroup'));
  assert.equal(event!.nsPid, event!.pid);
  const cgroup = seen.cgroups.find(
    (record) => record.hierarchyId === 0 && record.cgroupId === event!.cgroupId,
  );
  // Where v2 is not mounted everything is in its root.
  const ownPath = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
  assert.equal(cgroup!.path, ownPath);
  assert.equal(seen.errors.length, 0, String(seen.errors[0]));
});

test('a cgroup is named before the first event that needs it', { skip }, () => {
  const named = new Set<string>();
  for (const record of seen.records) {
    if (record.type === 'cgroup') {
      named.add(`${record.hierarchyId === 0 ? 'v2' : 'v1'}:${record.cgroupId}`);
      continue;
    }
    assert.ok(named.has(`v2:${record.cgroupId}`), `cgroup ${record.cgroupId} of ${record.comm}`);
    if (record.cgroupV1Id !== 0) assert.ok(named.has(`v1:${record.cgroupV1Id}`));
  }
});
