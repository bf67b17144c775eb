// What the running agent may do beside its capabilities, which are gone: a filter of system calls, and Landlock for what it
// writes and starts. Put on before the exec, so that all of Node's threads are under it.
import { closeSync, mkdirSync, openSync, readlinkSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { isatty } from 'node:tty';
import { elfInterpreter } from '../kernel/index.ts';
import { filterSystemCalls, type Reach, restrictTo } from '../os/index.ts';
import type { Config } from '../lib/index.ts';

export interface Confinement {
  /** The filter is on. */
  readonly systemCalls: boolean;
  /** Version of Landlock that is on; null when none is. */
  readonly landlock: number | null;
  /** Why something is missing, for people; empty when nothing is. */
  readonly missing: readonly string[];
}

export const UNCONFINED: Confinement = {
  systemCalls: false,
  landlock: null,
  missing: ['privileges.confine or privileges.drop is false'],
};

/**
 * Needs no_new_privs; what comes next must be an exec. What cannot be had is told and does not stop the start.
 * `readsOthers`: files of other processes in /proc that need more than a look are read, which Landlock forbids.
 */
export function confine(config: Config, readsOthers: boolean): Confinement {
  const missing: string[] = [];
  const attempt = <T>(what: () => T): T | null => {
    try {
      return what();
    } catch (error) {
      missing.push((error as Error).message);
      return null;
    }
  };
  const landlock = readsOthers
    ? attempt(() => {
        throw new Error(
          'Landlock forbids to read /proc/PID/exe of others, which polling and SYS_PTRACE are for',
        );
      })
    : attempt(() => restrictTo(reachOf(config)));
  const systemCalls = attempt(() => {
    filterSystemCalls();
    return true;
  });
  return { systemCalls: systemCalls === true, landlock, missing };
}

function reachOf(config: Config): Reach {
  const { directory } = config.evidence;
  if (directory !== null) makeFolder(directory);
  const interpreter = interpreterOf(process.execPath);
  return {
    writableFolders: directory === null ? [] : [directory],
    socketFolders: config.api.socket === null ? [] : [dirname(config.api.socket)],
    // Node opens a terminal anew, so that a stopped one does not stop the agent.
    writableFiles: ['/dev/null', ...[0, 1, 2].filter((fd) => isatty(fd)).map(terminalOf)],
    programs: [process.execPath, ...(interpreter === null ? [] : [interpreter])],
  };
}

/** The rule is for a folder that is there. Nothing of it is looked at: it is not of those that are trusted. */
function makeFolder(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o750 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      mkdirSync(directory, { recursive: true, mode: 0o750 });
  }
}

const terminalOf = (fd: number) => readlinkSync(`/proc/self/fd/${fd}`);

/** Program headers stand at the beginning. */
const HEAD_BYTES = 64 * 1024;

function interpreterOf(program: string): string | null {
  const head = Buffer.alloc(HEAD_BYTES);
  const fd = openSync(program, 'r');
  try {
    return elfInterpreter(head.subarray(0, readSync(fd, head)));
  } finally {
    closeSync(fd);
  }
}
