// The one shape of everything that holds a resource, and how several of them are given back.

/** Something to release at shutdown. `close` is idempotent and resolves when nothing is held any more. */
export interface Closable {
  close(): Promise<void>;
}

/** A step of closing; it may throw. */
export type Closing = Closable | (() => void | Promise<void>);

/**
 * Takes the steps one after the other, each to its end, also when one before it failed: what holds a port or a program must
 * not stay because something else could not be closed.
 *
 * @throws AggregateError `what` of everything that failed, in order
 */
export async function closeAll(steps: Iterable<Closing>, what = 'closing failed'): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await (typeof step === 'function' ? step() : step.close());
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, what);
}
