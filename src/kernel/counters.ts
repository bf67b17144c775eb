// Reads the kernel's own count of events: the side of the ledger that cannot lose.
import { lastErrno, loadLibbpf } from './libbpf.ts';

/** Where the counters stand in a CPU's value of the map; given by the generated layout. */
export interface CounterLayout {
  readonly sizeBytes: number;
  readonly forks: number;
  readonly execs: number;
  readonly exits: number;
  readonly moves: number;
  readonly forksLost: number;
  readonly execsLost: number;
  readonly exitsLost: number;
  readonly movesLost: number;
  readonly cgroupsLost: readonly number[];
}

/** Sums of all CPUs since the programs were attached. */
export interface EventCounters {
  readonly forks: number;
  readonly execs: number;
  readonly exits: number;
  readonly moves: number;
  readonly forksLost: number;
  readonly execsLost: number;
  readonly exitsLost: number;
  readonly movesLost: number;
  readonly cgroupsLost: number;
}

/** Reads the per-CPU counters map. Fields are u64 on each CPU; sums beyond 2^53 would take centuries. */
export function readCounters(mapFd: number, possibleCpus: number, layout: CounterLayout): EventCounters {
  const key = new Uint8Array(4);
  const values = new Uint8Array(layout.sizeBytes * possibleCpus);
  if (loadLibbpf().lookup(mapFd, key, values) !== 0) {
    throw new Error(`reading the counters map failed with errno ${lastErrno()}`);
  }
  const longs = new BigUint64Array(values.buffer);
  const sum = (...offsets: number[]) => {
    let total = 0n;
    for (let cpu = 0; cpu < possibleCpus; cpu++) {
      for (const offset of offsets) total += longs[(cpu * layout.sizeBytes + offset) / 8]!;
    }
    return Number(total);
  };
  return {
    forks: sum(layout.forks),
    execs: sum(layout.execs),
    exits: sum(layout.exits),
    moves: sum(layout.moves),
    forksLost: sum(layout.forksLost),
    execsLost: sum(layout.execsLost),
    exitsLost: sum(layout.exitsLost),
    movesLost: sum(layout.movesLost),
    cgroupsLost: sum(...layout.cgroupsLost),
  };
}

/** struct bpf_prog_info, include/uapi/linux/bpf.h: offsets of the fields used. */
const PROG_INFO_BYTES = 232;
const RUN_TIME_NS_OFFSET = 192;
const RUN_COUNT_OFFSET = 200;
const RECURSION_MISSES_OFFSET = 208;

export interface ProgramRunStats {
  /** Only counted while kernel.bpf_stats_enabled is 1. */
  readonly runTimeNs: number;
  readonly runCount: number;
  /** Times the kernel skipped the program because it was already running on that CPU: events never counted. */
  readonly recursionMisses: number;
}

/** Run statistics of a program of ours (needs no privilege on an own descriptor). */
export function readProgramStats(programFd: number): ProgramRunStats {
  const info = new Uint8Array(PROG_INFO_BYTES);
  if (loadLibbpf().objectInfo(programFd, info, [PROG_INFO_BYTES]) !== 0) {
    throw new Error(`reading the program's info failed with errno ${lastErrno()}`);
  }
  const longs = new BigUint64Array(info.buffer);
  return {
    runTimeNs: Number(longs[RUN_TIME_NS_OFFSET / 8]!),
    runCount: Number(longs[RUN_COUNT_OFFSET / 8]!),
    recursionMisses: Number(longs[RECURSION_MISSES_OFFSET / 8]!),
  };
}
