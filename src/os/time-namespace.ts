// How far the clocks of this process are from the node's: a time namespace (time_namespaces(7)) gives a container clocks of its
// own, and what the kernel programs write is in the node's.
//
// Start times in /proc/PID/stat are in the clock of who reads them (fs/proc/array.c, do_task_stat), in whole ticks.
import { readFileSync, readlinkSync } from 'node:fs';
import { CognitodError } from '../lib/errors.ts';

/** USER_HZ. */
const TICK_NS = 10_000_000n;

/** The offset of CLOCK_BOOTTIME in the text of timens_offsets, in nanoseconds; null when it is not in it. */
export function parseBoottimeOffset(text: string): bigint | null {
  // Linux 5.6 has the numbers of the clocks, later ones their names.
  const match = /^(?:boottime|7)\s+(-?\d+)\s+(\d+)\s*$/m.exec(text);
  return match === null ? null : BigInt(match[1]!) * 1_000_000_000n + BigInt(match[2]!);
}

/** Why an offset cannot be taken into account; null when it can. */
export function offsetProblem(offsetNs: bigint | null): string | null {
  if (offsetNs === null) return 'its offset cannot be read';
  if (offsetNs < 0n)
    return 'its clock is behind that of the node: older processes would have begun before its zero';
  if (offsetNs % TICK_NS !== 0n)
    return 'its offset is no whole number of clock ticks (10 ms): start times in /proc could not be told apart';
  return null;
}

let known: bigint | undefined;

/**
 * What the agent's CLOCK_BOOTTIME is ahead of the node's, in nanoseconds; 0 outside of time namespaces.
 *
 * @throws CognitodError TIME_NAMESPACE when it cannot be taken into account
 */
export function boottimeOffsetNs(): bigint {
  known ??= readOffset();
  return known;
}

function readOffset(): bigint {
  let text: string;
  try {
    // The file has the offsets of the namespace of children: the own one, but for who has just unshared it.
    if (readlinkSync('/proc/self/ns/time') !== readlinkSync('/proc/self/ns/time_for_children'))
      throw refused('it is another one than that of its children');
    text = readFileSync('/proc/self/timens_offsets', 'latin1');
  } catch (error) {
    // Before 5.6, or without CONFIG_TIME_NS: there are none.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0n;
    if (error instanceof CognitodError) throw error;
    throw refused((error as Error).message);
  }
  const offsetNs = parseBoottimeOffset(text);
  const problem = offsetProblem(offsetNs);
  if (problem !== null) throw refused(problem);
  return offsetNs!;
}

function refused(reason: string): CognitodError {
  return new CognitodError(
    'TIME_NAMESPACE',
    `the agent is in a time namespace that it cannot allow for: ${reason}`,
    {
      hint: "start it in the node's time namespace: without lxc.time.offset.boot, without timeOffsets of the runtime",
    },
  );
}
