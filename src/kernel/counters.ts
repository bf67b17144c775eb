// Reads the kernel's own count of events: the side of the ledger that cannot lose.
import { byKind, type CountedKind } from '../lib/counted-kinds.ts';
import { lastErrno } from '../os/index.ts';
import { loadLibbpf } from './libbpf.ts';

/** Where the counters stand in a CPU's value of the map, in bytes; given by the generated layout. */
export interface CounterLayout {
  readonly sizeBytes: number;
  readonly kinds: Readonly<Record<CountedKind, { readonly happened: number; readonly lost: number }>>;
  readonly cgroupsLost: readonly number[];
}

/** Sums of all CPUs since the programs were attached. */
export interface EventCounters {
  readonly kinds: Readonly<Record<CountedKind, { readonly happened: number; readonly lost: number }>>;
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
    kinds: byKind((kind) => {
      const { happened, lost } = layout.kinds[kind];
      return { happened: sum(happened), lost: sum(lost) };
    }),
    cgroupsLost: sum(...layout.cgroupsLost),
  };
}
