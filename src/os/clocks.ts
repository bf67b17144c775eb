// The clocks of the kernel, called through koffi.
import koffi from 'koffi';
import { boottimeOffsetNs } from './time-namespace.ts';

const libc = koffi.load('libc.so.6');
koffi.struct('timespec', { tv_sec: 'int64_t', tv_nsec: 'int64_t' });
const clockGettime = libc.func('int clock_gettime(int clock, _Out_ timespec *ts)') as (
  clock: number,
  ts: { tv_sec?: number; tv_nsec?: number },
) => number;

// include/uapi/linux/time.h.
const CLOCK_REALTIME = 0;
const CLOCK_BOOTTIME = 7;

function readClock(clock: number): bigint {
  const now: { tv_sec?: number; tv_nsec?: number } = {};
  clockGettime(clock, now);
  return BigInt(now.tv_sec!) * 1_000_000_000n + BigInt(now.tv_nsec!);
}

/**
 * CLOCK_BOOTTIME of the node: nanoseconds since boot, suspend included; the kernel programs' clock, whatever the time namespace
 * of the agent. @throws CognitodError TIME_NAMESPACE
 */
export function boottimeNs(): bigint {
  return readClock(CLOCK_BOOTTIME) - boottimeOffsetNs();
}

/** Wall-clock nanoseconds since 1970. */
export function realtimeNs(): bigint {
  return readClock(CLOCK_REALTIME);
}
