// What a program did, from the lines of `strace -f -y`: which files it named, which system calls it made.
import { lstatSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';

const NAMES_A_FILE =
  /^\d+ +(?:open|openat|openat2|execve|access|faccessat2?|l?stat|statx|newfstatat|readlink(?:at)?|statfs)\((?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"/;

/** Absolute paths, each once, in the order in which they were named; those that were not there too. */
export function filesNamed(lines: readonly string[]): string[] {
  const paths = lines.flatMap((line) => {
    const [, folder, path] = NAMES_A_FILE.exec(line) ?? [];
    // Without a name it is what the descriptor has open already.
    return path === undefined || path === '' ? [] : [resolve(folder ?? '/', path)];
  });
  return [...new Set(paths)];
}

/** Names of system calls, sorted. */
export function systemCalls(lines: readonly string[]): string[] {
  const names = lines.flatMap((line) => /^\d+ +(?:<\.\.\. )?([a-z_0-9]+)[( ]/.exec(line)?.[1] ?? []);
  return [...new Set(names)].sort();
}

/** Shown by the kernel itself: whoever owns a file there cannot choose what is in it. */
const KERNELS = /^\/(proc|sys)(\/|$)/;

/**
 * Those of the paths that somebody else than root could change or put there: of each, itself, the folders above it and
 * what symbolic links lead to. `base` stands for /, so what is above it does not count.
 */
export function changeableByOthers(paths: readonly string[], base: string): string[] {
  return paths.filter(
    (path) => !KERNELS.test(path) && !`${base}/`.startsWith(`${path}/`) && !isRoots(path, base),
  );
}

function isRoots(path: string, base: string): boolean {
  const start = path.startsWith(`${base}/`) ? base : '';
  const names = path.slice(start.length).split('/').filter(Boolean);
  for (let count = 0; count <= names.length; count++) {
    const part = `${start}/${names.slice(0, count).join('/')}`;
    const stat = lstatSync(part, { throwIfNoEntry: false });
    // Only who may write the folder could put it there.
    if (stat === undefined) return true;
    if (stat.uid !== 0) return false;
    if (stat.isSymbolicLink()) {
      if (!isRoots(realpathSync(part), base)) return false;
    } else if (!stat.isCharacterDevice() && (stat.mode & 0o022) !== 0) return false;
  }
  return true;
}
