// Reads the kernel's own count of events: the side of the ledger that cannot lose.
import { loadLibbpf } from './libbpf.ts';
import { lastErrno } from '../os/index.ts';

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
