import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RingMemory } from '../kernel/index.ts';
import { PAGE_BYTES } from '../os/index.ts';
import { Decoder } from './decoder.ts';
import * as L from './generated/layout.ts';
import { NOTHING_MASKED } from './secrets/secrets.ts';

function memoryOf(bytes: Uint8Array): RingMemory {
  const buffer = new ArrayBuffer((bytes.length + 15) & ~7);
  const copy = new Uint8Array(buffer);
  copy.set(bytes);
  return { bytes: copy, words: new Uint32Array(buffer), longs: new BigUint64Array(buffer) };
}

const makeDecoder = () => new Decoder({ mask: () => NOTHING_MASKED });
const errorsOf = ({ errors }: Decoder) => errors.too_short + errors.unknown_kind + errors.bad_length;

/** An exec record with the given argument bytes; sizes can be overridden. */
function execRecord(
  argv: Uint8Array,
  argc: number,
  sizes: { argv?: number; filename?: number; ownName?: number } = {},
  ownName = Buffer.alloc(0),
) {
  const filename = Buffer.from('/bin/x\0');
  const length = (L.EXEC_SIZE + argv.length + filename.length + ownName.length + 7) & ~7;
  const memory = memoryOf(new Uint8Array(length));
  memory.words[L.EXEC_HEADER_KIND >>> 2] = L.RECORD_EXEC;
  memory.words[L.EXEC_HEADER_SIZE >>> 2] = length;
  memory.words[L.EXEC_ARGC >>> 2] = argc;
  memory.words[L.EXEC_ARGV_BYTES >>> 2] = sizes.argv ?? argv.length;
  memory.words[L.EXEC_FILENAME_BYTES >>> 2] = sizes.filename ?? filename.length;
  memory.words[L.EXEC_OWN_NAME_BYTES >>> 2] = sizes.ownName ?? ownName.length;
  memory.bytes.set(argv, L.EXEC_SIZE);
  memory.bytes.set(filename, L.EXEC_SIZE + argv.length);
  memory.bytes.set(ownName, L.EXEC_SIZE + argv.length + filename.length);
  return { memory, length };
}

test('random bytes give a record or exactly one counted error, and never throw', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 600 }),
      fc.constantFrom(0, 1, 2, 3, 4, 5, L.RECORD_CGROUP, L.RECORD_SNAPSHOT),
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

test('a list gives the records before the first that cannot be walked, and one error', () => {
  for (const size of [0, 4, L.CGROUP_SIZE - 8, L.SNAPSHOT_SIZE - 4, L.SNAPSHOT_SIZE + 8, 0xffffffff]) {
    const length = 3 * L.SNAPSHOT_SIZE;
    const memory = memoryOf(new Uint8Array(length));
    for (const [index, pid] of [11, 12, 13].entries()) {
      const word = (index * L.SNAPSHOT_SIZE) >>> 2;
      memory.words[word + (L.SNAPSHOT_HEADER_KIND >>> 2)] = L.RECORD_SNAPSHOT;
      memory.words[word + (L.SNAPSHOT_HEADER_SIZE >>> 2)] = index === 2 ? size : L.SNAPSHOT_SIZE;
      memory.words[word + (L.SNAPSHOT_PROCESS_PID >>> 2)] = pid;
    }
    const decoder = makeDecoder();
    const pids = [...decoder.decodeAll(memory, length)].map((record) => 'pid' in record && record.pid);
    assert.deepEqual(pids, [11, 12]);
    assert.deepEqual(decoder.errors, { too_short: 0, unknown_kind: 0, bad_length: 1 });
  }
});

const u32 = fc.oneof(fc.nat({ max: 2 ** 32 - 1 }), fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 1));
const u53 = fc.oneof(fc.maxSafeNat(), fc.constantFrom(2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER));
const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n),
);

/** What all but cgroup records say, by the names of the kernel's fields. */
const FACTS = {
  ktimeNs: ['header.ktime_ns', u64],
  startNs: ['process.start_ns', u64],
  parentStartNs: ['process.parent_start_ns', u64],
  cgroupId: ['process.cgroup_id', u53],
  cgroupV1Id: ['process.cgroup_v1_id', u53],
  capEffective: ['process.cap_effective', u53],
  execId: ['process.exec_id', u53],
  pid: ['process.pid', u32],
  parentPid: ['process.parent_pid', u32],
  uid: ['process.uid', u32],
  gid: ['process.gid', u32],
  euid: ['process.euid', u32],
  loginuid: ['process.loginuid', u32],
  sessionId: ['process.session_id', u32],
  pidNs: ['process.pid_ns', u32],
  mntNs: ['process.mnt_ns', u32],
  cgroupNs: ['process.cgroup_ns', u32],
  nsPid: ['process.ns_pid', u32],
} as const;
const KINDS = {
  fork: {
    number: L.RECORD_FORK,
    fields: { ...FACTS, forkerStartNs: ['forker_start_ns', u64], forkerPid: ['forker_pid', u32] },
  },
  exec: {
    number: L.RECORD_EXEC,
    fields: {
      ...FACTS,
      inode: ['inode', u53],
      device: ['device', u32],
      argc: ['argc', u32],
      callerTid: ['caller_tid', u32],
    },
  },
  exit: {
    number: L.RECORD_EXIT,
    fields: {
      ...FACTS,
      cpuNs: ['cpu_ns', u53],
      minorFaults: ['minor_faults', u53],
      majorFaults: ['major_faults', u53],
    },
  },
  move: { number: L.RECORD_MOVE, fields: FACTS },
  snapshot: { number: L.RECORD_SNAPSHOT, fields: FACTS },
} as const;

for (const [type, { number, fields }] of Object.entries(KINDS)) {
  test(`${type} records: every field is read from its place, wherever the record lies`, () => {
    const { sizeBytes, fields: places } = L.LAYOUTS[`${type === 'move' ? 'plain' : type}_record`]!;
    const values = fc.record(Object.fromEntries(Object.entries(fields).map(([key, [, any]]) => [key, any])));
    const unit = fc.constantFrom('a', 'Z', ' ', '(', '7');
    // The kernel ends a name with a NUL; the decoder must not read on where there is none.
    const name = fc.oneof(
      fc.string({ unit, maxLength: 16 }),
      fc.string({ unit, minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(values, name, fc.nat({ max: 8 }), fc.boolean(), (expected, comm, longs, kernelThread) => {
        const start = longs * 8;
        // What lies around a record, and in its unused bytes, must not be taken for its fields.
        const memory = memoryOf(new Uint8Array(start + sizeBytes + 64).fill(0xa5));
        const view = new DataView(memory.bytes.buffer);
        const put = (field: string, value: number | bigint) => {
          const [, offset, size] = places.find(([at]) => at === field)!;
          if (size === 8) view.setBigUint64(start + offset, BigInt(value), true);
          else view.setUint32(start + offset, Number(value), true);
        };
        for (const [key, [field]] of Object.entries(fields))
          put(field, expected[key as keyof typeof expected] as number | bigint);
        put('header.kind', number);
        put('header.size', sizeBytes);
        put('process.flags', kernelThread ? L.PROCESS_KERNEL_THREAD : 0);
        memory.bytes.fill(0, start + L.FORK_PROCESS_COMM, start + L.FORK_PROCESS_COMM + 16);
        memory.bytes.set(Buffer.from(comm), start + L.FORK_PROCESS_COMM);
        if (type === 'exec') {
          put('argv_bytes', 0);
          put('filename_bytes', 0);
          put('own_name_bytes', 0);
        }
        const decoder = makeDecoder();
        const record = decoder.decode(memory, start, sizeBytes) as unknown as Record<string, unknown>;
        assert.equal(errorsOf(decoder), 0);
        const shown = Object.fromEntries(Object.keys(fields).map((key) => [key, record[key]]));
        assert.deepEqual(shown, { ...expected });
        assert.deepEqual(
          [record.type, record.source, record.comm, record.kernelThread],
          [type, 'ebpf', comm, kernelThread],
        );
      }),
    );
  });
}

test('a record that is shorter than its kind is counted, and an event is lost', () => {
  for (const [type, { number }] of Object.entries(KINDS)) {
    const { sizeBytes } = L.LAYOUTS[`${type === 'move' ? 'plain' : type}_record`]!;
    for (const length of [sizeBytes - 8, sizeBytes - 1]) {
      const memory = memoryOf(new Uint8Array(sizeBytes));
      memory.words[L.FORK_HEADER_KIND >>> 2] = number;
      memory.words[L.FORK_HEADER_SIZE >>> 2] = length;
      const decoder = makeDecoder();
      assert.equal(decoder.decode(memory, 0, length), null);
      assert.deepEqual(decoder.errors, { too_short: 1, unknown_kind: 0, bad_length: 0 });
      const none = { fork: 0, exec: 0, exit: 0, move: 0 };
      assert.deepEqual(decoder.lost, type === 'snapshot' ? none : { ...none, [type]: 1 });
    }
  }
});

test('each flag of an exec has its own meaning', () => {
  const clear = {
    argvTruncated: false,
    argvUnreadable: false,
    memfd: false,
    deleted: false,
    upperLayer: null,
    interpreter: null,
  };
  for (const [flags, changes] of [
    [0, {}],
    [L.EXEC_ARGV_TRUNCATED, { argvTruncated: true }],
    [L.EXEC_ARGV_UNREADABLE, { argvUnreadable: true }],
    [L.EXEC_MEMFD, { memfd: true }],
    [L.EXEC_DELETED, { deleted: true }],
    [L.EXEC_ON_OVERLAY, { upperLayer: false }],
    [L.EXEC_ON_OVERLAY | L.EXEC_UPPER_LAYER, { upperLayer: true }],
    // Without an overlay there is no upper layer.
    [L.EXEC_UPPER_LAYER, {}],
    [L.EXEC_INTERPRETED, { interpreter: 'a' }],
    // Shows in the file's own name.
    [L.EXEC_BY_DESCRIPTOR, {}],
  ] as const) {
    const { memory, length } = execRecord(Buffer.from('a\0'), 1);
    memory.words[L.EXEC_FLAGS >>> 2] = flags;
    const exec = makeDecoder().decode(memory, 0, length);
    assert.ok(exec?.type === 'exec');
    const { argvTruncated, argvUnreadable, memfd, deleted, upperLayer, interpreter } = exec;
    const shown = { argvTruncated, argvUnreadable, memfd, deleted, upperLayer, interpreter };
    assert.deepEqual(shown, { ...clear, ...changes });
  }
});

test('the masker gets the arguments and the executable, and what it counts is told', () => {
  const { memory, length } = execRecord(Buffer.from('a\0secret\0'), 2);
  const decoder = new Decoder({
    mask(argv, executable) {
      assert.equal(executable, '/bin/x');
      argv[1] = '***';
      return { masked: 1, cut: false };
    },
  });
  const exec = decoder.decode(memory, 0, length);
  assert.ok(exec?.type === 'exec');
  assert.deepEqual([exec.argv, exec.argvMasked, exec.argvTruncated], [['a', '***'], 1, false]);
});

test('arguments that the masker gave up are told as cut', () => {
  const { memory, length } = execRecord(Buffer.from('a\0b\0'), 2);
  const decoder = new Decoder({ mask: () => ({ masked: 0, cut: true }) });
  const exec = decoder.decode(memory, 0, length);
  assert.ok(exec?.type === 'exec');
  assert.equal(exec.argvTruncated, true);
});

test('a command seen before shares its arguments, one with a secret is masked each time', () => {
  const { memory, length } = execRecord(Buffer.from('a\0secret\0'), 2);
  const decodeTwice = (masked: number) => {
    let searches = 0;
    const decoder = new Decoder({
      mask(argv) {
        searches++;
        if (masked > 0) argv[1] = '***';
        return masked > 0 ? { masked, cut: false } : NOTHING_MASKED;
      },
    });
    const [first, second] = [decoder.decode(memory, 0, length), decoder.decode(memory, 0, length)];
    assert.ok(first?.type === 'exec' && second?.type === 'exec');
    assert.deepEqual([second.argv, second.argvMasked], [first.argv, first.argvMasked]);
    return { searches, shared: first.argv === second.argv, argv: second.argv };
  };
  assert.deepEqual(decodeTwice(0), { searches: 1, shared: true, argv: ['a', 'secret'] });
  assert.deepEqual(decodeTwice(1), { searches: 2, shared: false, argv: ['a', '***'] });
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

test('the resident memory is told in bytes', () => {
  const memory = memoryOf(new Uint8Array(L.EXIT_SIZE));
  memory.words[L.EXIT_HEADER_KIND >>> 2] = L.RECORD_EXIT;
  memory.words[L.EXIT_HEADER_SIZE >>> 2] = L.EXIT_SIZE;
  memory.longs[L.EXIT_MAX_RSS_PAGES >>> 3] = 3n;
  const exit = makeDecoder().decode(memory, 0, L.EXIT_SIZE);
  assert.ok(exit?.type === 'exit');
  assert.equal(exit.maxRssBytes, 3 * PAGE_BYTES);
});

test('an exec record gives its arguments and file name', () => {
  const { memory, length } = execRecord(Buffer.from('a\0\0c\0'), 3);
  const exec = makeDecoder().decode(memory, 0, length);
  assert.ok(exec?.type === 'exec');
  assert.deepEqual([exec.argv, exec.executable, exec.upperLayer], [['a', '', 'c'], '/bin/x', null]);
});

test("a file that was given as a descriptor has its own name, and an interpreter's file none", () => {
  const named = execRecord(Buffer.from('a\0'), 1, {}, Buffer.from('memfd:x\0'));
  const exec = makeDecoder().decode(named.memory, 0, named.length);
  assert.ok(exec?.type === 'exec');
  assert.deepEqual([exec.executable, exec.fileName, exec.argv], ['/bin/x', 'memfd:x', ['a']]);
  // Arguments that could not be read do not tell the interpreter.
  const unread = execRecord(Buffer.alloc(0), 1);
  unread.memory.words[L.EXEC_FLAGS >>> 2] = L.EXEC_INTERPRETED | L.EXEC_ARGV_UNREADABLE;
  const script = makeDecoder().decode(unread.memory, 0, unread.length);
  assert.ok(script?.type === 'exec');
  assert.deepEqual([script.interpreter, script.fileName], [null, null]);
});

test('an exec record that claims more than it has is counted and lost', () => {
  for (const sizes of [
    { argv: 5000 },
    { filename: 5000 },
    { ownName: 5000 },
    { ownName: 0xffffffff },
    { argv: 0xffffffff, filename: 8 },
  ]) {
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

test('the names of a cgroup keep their bytes: one character for each', () => {
  const names = Buffer.from('fsck@dev-disk\\x2d1.service\0caf\xc3\xa9\xff\0', 'latin1');
  const length = (L.CGROUP_SIZE + names.length + 7) & ~7;
  const memory = memoryOf(new Uint8Array(length));
  memory.words[L.CGROUP_HEADER_KIND >>> 2] = L.RECORD_CGROUP;
  memory.words[L.CGROUP_HEADER_SIZE >>> 2] = length;
  memory.words[L.CGROUP_PATH_BYTES >>> 2] = names.length;
  memory.bytes.set(names, L.CGROUP_SIZE);
  const cgroup = makeDecoder().decode(memory, 0, length);
  assert.ok(cgroup?.type === 'cgroup');
  assert.equal(cgroup.path, '/caf\xc3\xa9\xff/fsck@dev-disk\\x2d1.service');
});

test('a cgroup record keeps its ids, says when its path is cut, and names the root', () => {
  for (const [names, flags, path, truncated] of [
    ['', 0, '/', false],
    ['', L.CGROUP_REMOVED, '', false],
    ['leaf\0', L.CGROUP_PATH_TRUNCATED, '/leaf', true],
    // The last name may be cut before its NUL.
    ['leaf\0mid', L.CGROUP_PATH_TRUNCATED, '/mid/leaf', true],
  ] as const) {
    const length = (L.CGROUP_SIZE + names.length + 7) & ~7;
    const memory = memoryOf(new Uint8Array(length));
    memory.words[L.CGROUP_HEADER_KIND >>> 2] = L.RECORD_CGROUP;
    memory.words[L.CGROUP_HEADER_SIZE >>> 2] = length;
    memory.longs[L.CGROUP_HEADER_KTIME_NS >>> 3] = 2n ** 64n - 1n;
    memory.longs[L.CGROUP_CGROUP_ID >>> 3] = BigInt(Number.MAX_SAFE_INTEGER);
    memory.words[L.CGROUP_HIERARCHY_ID >>> 2] = 7;
    memory.words[L.CGROUP_FLAGS >>> 2] = flags;
    memory.words[L.CGROUP_PATH_BYTES >>> 2] = names.length;
    memory.bytes.set(Buffer.from(names), L.CGROUP_SIZE);
    assert.deepEqual(makeDecoder().decode(memory, 0, length), {
      type: 'cgroup',
      source: 'ebpf',
      ktimeNs: 2n ** 64n - 1n,
      cgroupId: Number.MAX_SAFE_INTEGER,
      hierarchyId: 7,
      removed: flags === L.CGROUP_REMOVED,
      path,
      parentId: null,
      truncated,
    });
  }
});

test('a cgroup whose name the kernel keeps has the id of its parent', () => {
  const length = L.CGROUP_SIZE + 8;
  const memory = memoryOf(new Uint8Array(length));
  memory.words[L.CGROUP_HEADER_KIND >>> 2] = L.RECORD_CGROUP;
  memory.words[L.CGROUP_HEADER_SIZE >>> 2] = length;
  memory.words[L.CGROUP_FLAGS >>> 2] = L.CGROUP_UNNAMED;
  memory.words[L.CGROUP_PATH_BYTES >>> 2] = 8;
  memory.longs[L.CGROUP_SIZE >>> 3] = 123_456_789_012n;
  const record = makeDecoder().decode(memory, 0, length);
  assert.deepEqual(record?.type === 'cgroup' && [record.path, record.parentId], ['', 123_456_789_012]);

  const decoder = makeDecoder();
  memory.words[L.CGROUP_PATH_BYTES >>> 2] = 4;
  assert.equal(decoder.decode(memory, 0, length), null);
  assert.equal(decoder.errors.bad_length, 1);
});

test('a cgroup record that claims a longer path than it has is counted', () => {
  const memory = memoryOf(new Uint8Array(L.CGROUP_SIZE));
  memory.words[L.CGROUP_HEADER_KIND >>> 2] = L.RECORD_CGROUP;
  memory.words[L.CGROUP_HEADER_SIZE >>> 2] = L.CGROUP_SIZE;
  memory.words[L.CGROUP_PATH_BYTES >>> 2] = 1;
  const decoder = makeDecoder();
  assert.equal(decoder.decode(memory, 0, L.CGROUP_SIZE), null);
  assert.deepEqual(decoder.errors, { too_short: 0, unknown_kind: 0, bad_length: 1 });
});
