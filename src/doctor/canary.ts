// A process of our own, to see whether the agent tells of it, and how soon.
import { randomUUID } from 'node:crypto';
import type { EventJson } from '../api/index.ts';
import { boottimeNs } from '../os/index.ts';
import { startOwnProcess } from '../lib/index.ts';
import type { DoctorAgent } from './check.ts';

export interface CanaryResult {
  /** Kinds of events that came, e.g. fork, exec, exit. */
  readonly seen: readonly EventJson['type'][];
  /**
   * From the time in the exec event to its arrival here, milliseconds of the clock since boot, which nobody sets; null
   * when it did not come.
   */
  readonly latencyMs: number | null;
}

/**
 * Starts this program once more with an argument that nobody else has, and waits until the agent has told its exec and
 * exit, or the time is over. Its fork is told before the argument is known, so forks are kept until then. It lives
 * `livesMs`, or as short as it can.
 */
export async function sendCanary(
  agent: DoctorAgent,
  timeoutMs: number,
  livesMs: number,
): Promise<CanaryResult> {
  const marker = `cognitod-canary-${randomUUID()}`;
  const stream = await agent.watch();
  const timer = setTimeout(() => stream.close(), timeoutMs);
  const forks = new Set<string>();
  const seen: EventJson['type'][] = [];
  let id: string | null = null;
  let latencyMs: number | null = null;
  try {
    const child = startOwnProcess(marker, livesMs);
    child.on('error', () => stream.close());
    for await (const event of stream.events) {
      if (event.type === 'fork') forks.add(event.process_id);
      else if (event.type === 'exec' && event.argv?.includes(marker) === true) {
        id = event.process_id;
        latencyMs = Math.max(0, Math.round(Number(boottimeNs()) / 1e6 - event.ktime_ns / 1e6));
        if (forks.has(id)) seen.push('fork');
        seen.push('exec');
      } else if (event.type === 'exit' && event.process_id === id) {
        seen.push('exit');
        break;
      }
    }
  } finally {
    clearTimeout(timer);
    stream.close();
  }
  return { seen, latencyMs };
}
