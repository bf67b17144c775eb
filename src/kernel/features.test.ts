import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelFeatures } from './index.ts';

/** Raw BTF of made-up types: `rest` is what follows a type's first twelve bytes, in words. */
function btfOf(
  types: readonly { name?: string; kind: number; count?: number; refers?: number; rest?: number[] }[],
): Uint8Array {
  let strings = '\0';
  const words = types.flatMap(({ name, kind, count = 0, refers = 0, rest = [] }) => {
    const at = name === undefined ? 0 : strings.length;
    if (name !== undefined) strings += `${name}\0`;
    return [at, (kind << 24) | count, refers, ...rest];
  });
  const bytes = words.length * 4;
  const header = new Uint32Array([0x0001eb9f, 24, 0, bytes, bytes, strings.length]);
  return Buffer.concat([
    Buffer.from(header.buffer),
    Buffer.from(new Uint32Array(words).buffer),
    Buffer.from(strings),
  ]);
}

const [INT, PTR, STRUCT, TYPEDEF, FUNC_PROTO] = [1, 2, 4, 8, 13];
/** Types 1 to 3: `typedef void (*NAME)(ARGUMENTS)`, and something of another size in front. */
const tracepoint = (name: string, count: number) => [
  { name: 'int', kind: INT!, refers: 4, rest: [0] },
  { kind: FUNC_PROTO!, count, rest: Array.from({ length: 2 * count }, () => 1) },
  { kind: PTR!, refers: 2 },
  { name, kind: TYPEDEF!, refers: 3 },
];

test('the exit tells that the process ends where its tracepoint has a third argument', () => {
  const features = (count: number) =>
    kernelFeatures(btfOf(tracepoint('btf_trace_sched_process_exit', count)));
  assert.equal(features(2).exitTellsGroupDead, false);
  assert.equal(features(3).exitTellsGroupDead, true);
  assert.equal(
    kernelFeatures(btfOf(tracepoint('btf_trace_sched_process_exec', 4))).exitTellsGroupDead,
    false,
  );
});

test('tracepoints can be preempted where the guard of Linux 7 is a type, whatever else has its name', () => {
  const guard = 'class_srcu_fast_notrace_t';
  const features = (kind: number, name: string) => kernelFeatures(btfOf([{ name, kind }]));
  assert.equal(features(TYPEDEF!, guard).tracepointsPreemptible, true);
  assert.equal(features(STRUCT!, guard).tracepointsPreemptible, false);
  assert.equal(features(TYPEDEF!, `${guard}_2`).tracepointsPreemptible, false);
});

test('bytes that are no BTF are refused', () => {
  assert.throws(() => kernelFeatures(new Uint8Array(10)), /no BTF header/);
  assert.throws(() => kernelFeatures(Buffer.alloc(100, 1)), /no BTF header/);
});
