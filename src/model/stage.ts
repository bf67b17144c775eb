// What works on every event beside the process table. Later stages come into the same list.
import type { ProcessMove } from '../decode/index.ts';
import type { Identity } from '../identity/index.ts';
import type { AppliedEvent } from './applied-event.ts';

/**
 * A part of the agent that is told of everything that happens, in order and synchronously; it must not throw. What it does not
 * implement costs nothing. Whoever may be slow or may fall behind is no stage but a listener of the bus.
 */
export interface Stage {
  /** For people: what it does. */
  readonly name: string;
  /** A cgroup has a name, or another one. */
  cgroup?(identity: Identity): void;
  /** A process is in another cgroup from now on. */
  move?(move: ProcessMove, identity: Identity): void;
  /** The table has taken the event in. The object goes on to all stages and listeners: only the model writes to it. */
  event?(applied: AppliedEvent): void;
  /** After the events of one drain of the ring, when there were any. */
  batchEnd?(): void;
  /** Once a second, whether anything happens or not. One that fails is told in the status, and the others go on. */
  tick?(): void;
}
