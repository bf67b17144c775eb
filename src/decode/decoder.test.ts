import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RingMemory } from '../kernel/index.ts';
import { Decoder } from './decoder.ts';
import * as L from './generated/layout.ts';

function memoryOf(bytes: Uint8Array): RingMemory {
  const buffer = new ArrayBuffer((bytes.length + 15) & ~7);
  const copy = new Uint8Array(buffer);
  copy.set(bytes);
  return { bytes: copy, words: new Uint32Array(buffer), longs: new BigUint64Array(buffer) };
}

const makeDecoder = () => new Decoder({ mask: () => 0 });
const errorsOf = ({ errors }: Decoder) => errors.too_short + errors.unknown_kind + errors.bad_length;

/** An exec record with the given argument bytes; sizes can be overridden. */
function execRecord(argv: Uint8Array, argc: number, sizes: { argv?: number; filename?: number } = {}) {
  const filename = Buffer.from('/bin/x\0');
  const length = (L.EXEC_SIZE + argv.length + filename.length + 7) & ~7;
  const memory = memoryOf(new Uint8Array(length));
  memory.words[L.EXEC_HEADER_KIND >>> 2] = L.RECORD_EXEC;
  memory.words[L.EXEC_HEADER_SIZE >>> 2] = length;
  memory.words[L.EXEC_ARGC >>> 2] = argc;
  memory.words[L.EXEC_ARGV_BYTES >>> 2] = sizes.argv ?? argv.length;
  memory.words[L.EXEC_FILENAME_BYTES >>> 2] = sizes.filename ?? filename.length;
  memory.bytes.set(argv, L.EXEC_SIZE);
  memory.bytes.set(filename, L.EXEC_SIZE + argv.length);
  return { memory, length };
}

test('random bytes give a record or exactly one counted error, and never throw', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 600 }),
      fc.nat({ max: 6 }),
      fc.boolean(),
      (bytes, kind, plausible) => {
        const memory = memoryOf(bytes);
        // Half of the runs get a header that lets the bytes reach the code of their kind.
        if (plausible && bytes.length >= 8) {
          memory.words[0] = kind;
          memory.words[1] = bytes.length;
        }
        const decoder = makeDecoder();
        const record = decoder.decode(memory, 0, bytes.length);
        assert.equal(errorsOf(decoder), record === null ? 1 : 0);
      },
    ),
    { numRuns: 3000 },
  );
});

test('random bytes as a list of records end, with at most one error for what cannot be walked', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => {
      const decoder = makeDecoder();
      const records = [...decoder.decodeAll(memoryOf(bytes), bytes.length)];
      assert.ok(records.length <= bytes.length / L.CGROUP_SIZE);
    }),
  );
});

test('64-bit values keep every bit', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat({ max: 2 ** 32 - 1 }), (ns, pid) => {
      const memory = memoryOf(new Uint8Array(L.FORK_SIZE));
      memory.words[L.FORK_HEADER_KIND >>> 2] = L.RECORD_FORK;
      memory.words[L.FORK_HEADER_SIZE >>> 2] = L.FORK_SIZE;
      memory.longs[L.FORK_PROCESS_START_NS >>> 3] = ns;
      memory.longs[L.FORK_FORKER_START_NS >>> 3] = ns;
      memory.words[L.FORK_PROCESS_PID >>> 2] = pid;
      const fork = makeDecoder().decode(memory, 0, L.FORK_SIZE);
      assert.ok(fork?.type === 'fork');
      assert.deepEqual([fork.startNs, fork.forkerStartNs, fork.pid], [ns, ns, pid]);
    }),
  );
});

test('a wait status becomes an exit code or a signal, never both', () => {
  for (const [status, code, signal, core] of [
    [0, 0, null, false],
    [0xff00, 255, null, false],
    [9, null, 9, false],
    [0x8b, null, 11, true],
  ] as const) {
    const memory = memoryOf(new Uint8Array(L.EXIT_SIZE));
    memory.words[L.EXIT_HEADER_KIND >>> 2] = L.RECORD_EXIT;
    memory.words[L.EXIT_HEADER_SIZE >>> 2] = L.EXIT_SIZE;
    memory.words[L.EXIT_STATUS >>> 2] = status;
    const exit = makeDecoder().decode(memory, 0, L.EXIT_SIZE);
    assert.ok(exit?.type === 'exit');
    assert.deepEqual([exit.exitCode, exit.exitSignal, exit.coreDumped], [code, signal, core]);
  }
});

test('an exec record gives its arguments and file name', () => {
  const { memory, length } = execRecord(Buffer.from('a\0\0c\0'), 3);
  const exec = makeDecoder().decode(memory, 0, length);
  assert.ok(exec?.type === 'exec');
  assert.deepEqual([exec.argv, exec.executable, exec.upperLayer], [['a', '', 'c'], '/bin/x', null]);
});

test('an exec record that claims more than it has is counted and lost', () => {
  for (const sizes of [{ argv: 5000 }, { filename: 5000 }, { argv: 0xffffffff, filename: 8 }]) {
    const { memory, length } = execRecord(Buffer.from('a\0'), 1, sizes);
    const decoder = makeDecoder();
    assert.equal(decoder.decode(memory, 0, length), null);
    assert.deepEqual([decoder.errors.bad_length, decoder.lost.exec], [1, 1]);
  }
});

test('a cgroup path is put together from the leaf to the root', () => {
  const names = Buffer.from('leaf\0middle\0top\0');
  const length = (L.CGROUP_SIZE + names.length + 7) & ~7;
  const memory = memoryOf(new Uint8Array(length));
  memory.words[L.CGROUP_HEADER_KIND >>> 2] = L.RECORD_CGROUP;
  memory.words[L.CGROUP_HEADER_SIZE >>> 2] = length;
  memory.words[L.CGROUP_PATH_BYTES >>> 2] = names.length;
  memory.bytes.set(names, L.CGROUP_SIZE);
  const cgroup = makeDecoder().decode(memory, 0, length);
  assert.ok(cgroup?.type === 'cgroup');
  assert.equal(cgroup.path, '/top/middle/leaf');
});
