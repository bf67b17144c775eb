// Several objects of kernel programs: one that the agent can do without degrades alone, and what they share is one. Needs root
// and BPF.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { cannotUseBpf, observe } from '../../test/support/observe.ts';
import { OBJECTS, type ObjectSpec } from '../kernel/index.ts';

const skip = cannotUseBpf();
const specOf = (name: string): ObjectSpec => OBJECTS.find((spec) => spec.name === name)!;
const lifecycle = specOf('lifecycle');

/** How many descriptors of BPF objects this process has, by kind. */
function bpfDescriptors(): string[] {
  const links = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // that of the listing itself
    }
  });
  return links.filter((link) => /bpf[-_]/.test(link)).sort();
}

test('an optional object that the kernel does not take degrades alone, is told, and leaves nothing behind', {
  skip,
}, async () => {
  const before = bpfDescriptors();
  // It shares a map that no object before it has: the kernel refuses the descriptor.
  const refused: ObjectSpec = { ...specOf('snapshot'), shares: ['cgroup_scratches'] };
  const own = await observe({ objects: [lifecycle, refused] });
  try {
    const { limits, programs, btf } = own.collector.status();
    assert.equal(btf, false);
    const [first] = limits;
    assert.match(
      first!,
      /^the kernel lists no tasks: .* \(the kernel does not accept object snapshot: EBADF/,
    );
    assert.deepEqual(
      [...new Set(programs.map(({ object }) => object.replace(/^lifecycle.*/, 'lifecycle')))],
      ['lifecycle'],
    );
    const { pid } = spawnSync('/bin/true');
    own.collector.drain();
    const events = own.events.filter((event) => event.pid === pid).map(({ type }) => type);
    assert.deepEqual(events, ['fork', 'exec', 'exit']);
  } finally {
    await own.close();
  }
  assert.deepEqual(bpfDescriptors(), before);
});

test('objects that share ring and counters write into the same ones', { skip }, async () => {
  const second: ObjectSpec = {
    ...lifecycle,
    programs: ['sched_process_exit'],
    shares: ['ring', 'counters'],
    read: [],
    without: 'each exit is told once',
  };
  const own = await observe({ objects: [lifecycle, second] });
  try {
    assert.deepEqual(
      own.collector.status().limits.filter((limit) => limit.includes('told once')),
      [],
    );
    const before = own.collector.counts();
    const pids = Array.from({ length: 20 }, () => spawnSync('/bin/true').pid);
    own.collector.drain();
    const after = own.collector.counts();
    for (const pid of pids) {
      const events = own.events.filter((event) => event.pid === pid).map(({ type }) => type);
      assert.deepEqual(events, ['fork', 'exec', 'exit', 'exit']);
    }
    assert.ok(after.exit.kernel - before.exit.kernel >= 40);
    assert.equal(after.exit.lost, 0);
  } finally {
    await own.close();
  }
});

test('a required object that the kernel does not take is an error', { skip }, async () => {
  const before = bpfDescriptors();
  await assert.rejects(observe({ objects: [{ ...lifecycle, shares: ['counters'] }] }), {
    code: 'BPF_UNAVAILABLE',
    message: /the kernel does not accept object lifecycle.*: EBADF/,
  });
  assert.deepEqual(bpfDescriptors(), before);
});
