// The one shape of everything that holds a resource.

/** Something to release at shutdown. `close` is idempotent and resolves when nothing is held any more. */
export interface Closable {
  close(): Promise<void>;
}
