// What a C function says when it fails.
import koffi from 'koffi';

/** A C pointer, opaque to us. */
export type Pointer = unknown;

/** The errno of the last failed call. */
export function lastErrno(): number {
  return koffi.errno();
}

/** The symbolic name of an errno, e.g. EPERM. */
export function errnoName(errno: number): string {
  const entry = Object.entries(koffi.os.errno).find(([, value]) => value === Math.abs(errno));
  return entry?.[0] ?? `errno ${errno}`;
}
