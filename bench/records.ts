// Records as the kernel programs write them, made in memory: for measurements without a kernel.
import * as L from '../src/decode/generated/layout.ts';
import type { RingMemory } from '../src/kernel/index.ts';

export interface RecordBatch {
  readonly memory: RingMemory;
  readonly offsets: readonly number[];
  readonly lengths: readonly number[];
}

export const CGROUP_ID = 7;
const ARGV = Buffer.from('python3\0worker.py\0--queue\0orders\0');
const FILENAME = Buffer.from('/usr/bin/python3\0');
const COMM = Buffer.from('python3');
/** Of root, low word first: no small integer. */
const ALL_CAPABILITIES = [0xffffffff, 0x1ff];
const EXEC_BYTES = (L.EXEC_SIZE + ARGV.length + FILENAME.length + 7) & ~7;

/**
 * A fork, an exec and, with `exits`, an exit for each of `count` processes; one after the other in each of `cgroups`
 * cgroups, whose ids count up from 1, or all in one.
 */
export function makeLives(
  count: number,
  firstPid: number,
  startNs: bigint,
  exits: boolean,
  cgroups?: number,
): RecordBatch {
  const buffer = new ArrayBuffer(count * (L.FORK_SIZE + EXEC_BYTES + L.EXIT_SIZE + 24));
  const words = new Uint32Array(buffer);
  const longs = new BigUint64Array(buffer);
  const bytes = new Uint8Array(buffer);
  const offsets: number[] = [];
  const lengths: number[] = [];
  let offset = 0;
  const add = (kind: number, length: number, pid: number, birthNs: bigint, ktimeNs: bigint) => {
    const at = offset;
    words[(at + L.FORK_HEADER_KIND) >>> 2] = kind;
    words[(at + L.FORK_HEADER_SIZE) >>> 2] = length;
    longs[(at + L.FORK_HEADER_KTIME_NS) >>> 3] = ktimeNs;
    longs[(at + L.FORK_PROCESS_START_NS) >>> 3] = birthNs;
    longs[(at + L.FORK_PROCESS_PARENT_START_NS) >>> 3] = 1n;
    words[(at + L.FORK_PROCESS_PID) >>> 2] = pid;
    words[(at + L.FORK_PROCESS_PARENT_PID) >>> 2] = 1;
    words[(at + L.FORK_PROCESS_CGROUP_ID) >>> 2] = cgroups === undefined ? CGROUP_ID : (pid % cgroups) + 1;
    words.set(ALL_CAPABILITIES, (at + L.FORK_PROCESS_CAP_EFFECTIVE) >>> 2);
    bytes.set(COMM, at + L.FORK_PROCESS_COMM);
    offsets.push(at);
    lengths.push(length);
    offset += (length + 7) & ~7;
    return at;
  };
  for (let index = 0; index < count; index++) {
    const pid = firstPid + index;
    const birthNs = startNs + BigInt(index) * 10_000n;
    const fork = add(L.RECORD_FORK, L.FORK_SIZE, pid, birthNs, birthNs);
    words[(fork + L.FORK_FORKER_PID) >>> 2] = 1;
    longs[(fork + L.FORK_FORKER_START_NS) >>> 3] = 1n;
    const exec = add(L.RECORD_EXEC, EXEC_BYTES, pid, birthNs, birthNs + 1000n);
    words[(exec + L.EXEC_ARGC) >>> 2] = 4;
    words[(exec + L.EXEC_ARGV_BYTES) >>> 2] = ARGV.length;
    words[(exec + L.EXEC_FILENAME_BYTES) >>> 2] = FILENAME.length;
    bytes.set(ARGV, exec + L.EXEC_SIZE);
    bytes.set(FILENAME, exec + L.EXEC_SIZE + ARGV.length);
    if (exits) add(L.RECORD_EXIT, L.EXIT_SIZE, pid, birthNs, birthNs + 2000n);
  }
  return { memory: { bytes, words, longs }, offsets, lengths };
}
