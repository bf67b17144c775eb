// How the containers ended: the exit of each one's first process must be what kubectl says of the container.
import type { EventJson } from '../../src/api/index.ts';
import type { Evidence } from './evidence.ts';
import { lifeKey } from './mark.ts';
import type { ContainerEnd, ContainerLife, Pods } from './pods.ts';

export interface Endings {
  /** Containers that kubectl says have ended. */
  readonly ended: number;
  /** Of these, killed for memory. */
  readonly outOfMemory: number;
  readonly wrong: readonly string[];
}

/** `lives`: what is looked at, of containers of the given groups. */
export function compareEndings(
  evidence: Evidence,
  lives: readonly ContainerLife[],
  pods: Pods,
  groups: ReadonlySet<string>,
): Endings {
  const exits = new Map<string, EventJson>();
  for (const { mark, events } of evidence.processes.values()) {
    // The first process of the container, in its own pid namespace.
    const exit = events.find(({ type, ns_pid }) => type === 'exit' && ns_pid === 1);
    if (exit !== undefined && mark.life !== null)
      exits.set(lifeKey(mark.podUid, mark.container, mark.life), exit);
  }
  const wrong: string[] = [];
  let [ended, outOfMemory] = [0, 0];
  for (const { podUid, container, life, end } of lives) {
    const pod = pods.pods.get(podUid)!;
    if (end === null || !groups.has(pod.group)) continue;
    ended++;
    if (end.reason === 'OOMKilled') outOfMemory++;
    const exit = exits.get(lifeKey(podUid, container, life));
    if (exit === undefined) wrong.push(`${pod.name} ${container} ${life}: no exit was told`);
    else if (!isSame(exit, end))
      wrong.push(
        `${pod.name} ${container} ${life}: kubectl says ${end.reason} ${end.exitCode}: ${JSON.stringify(exit)}`,
      );
  }
  return { ended, outOfMemory, wrong };
}

/** Runtimes tell a signal as 128 and its number. */
function isSame({ exit_code, exit_signal }: EventJson, { reason, exitCode }: ContainerEnd): boolean {
  if (reason === 'OOMKilled') return exit_signal === 9 && exit_code === null && exitCode === 137;
  return exit_signal == null ? exit_code === exitCode : exitCode === 128 + exit_signal;
}
