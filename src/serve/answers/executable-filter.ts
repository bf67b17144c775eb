// Whether a process runs the executable that a query names.
import { basename } from 'node:path/posix';

/** Null when the query names none. A path must be the same; a name without a slash is that of the file. */
export function executableFilter(text: string | undefined): ((path: string | null) => boolean) | null {
  if (text === undefined) return null;
  if (text.includes('/')) return (path) => path === text;
  return (path) => path !== null && basename(path) === text;
}
