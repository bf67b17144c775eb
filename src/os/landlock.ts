// Landlock: what the agent may write to and start, enforced by the kernel whoever its user is (landlock(7)).
import { closeSync, constants, existsSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { errnoName, lastErrno } from './errno.ts';

const libc = koffi.load('libc.so.6');
koffi.struct('landlock_ruleset_attr', {
  handled_access_fs: 'uint64_t',
  handled_access_net: 'uint64_t',
  scoped: 'uint64_t',
});
koffi.pack('landlock_path_beneath_attr', { allowed_access: 'uint64_t', parent_fd: 'int32_t' });
const createRuleset = libc.func(
  'long syscall(long number, const landlock_ruleset_attr *attr, size_t size, uint32_t flags)',
) as (number: number, attr: RulesetAttributes | null, size: number, flags: number) => number;
const addRule = libc.func(
  'long syscall(long number, int ruleset, int type, const landlock_path_beneath_attr *attr, uint32_t flags)',
) as (number: number, ruleset: number, type: number, attr: PathBeneath, flags: number) => number;
const restrictSelf = libc.func('long syscall(long number, int ruleset, uint32_t flags)') as (
  number: number,
  ruleset: number,
  flags: number,
) => number;

type RulesetAttributes = { handled_access_fs: bigint; handled_access_net: bigint; scoped: bigint };
type PathBeneath = { allowed_access: bigint; parent_fd: number };

/** The same on every processor: include/uapi/asm-generic/unistd.h. */
const CREATE_RULESET = 444;
const ADD_RULE = 445;
const RESTRICT_SELF = 446;
const ASK_VERSION = 1;
const PATH_BENEATH = 1;

/** include/uapi/linux/landlock.h: bits of accesses to files, and the version that brought them. */
const EXECUTE = 1n << 0n;
const WRITE_FILE = 1n << 1n;
const REMOVE_FILE = 1n << 5n;
const MAKE_SOCKET = 1n << 9n;
const TRUNCATE = 1n << 14n;
const WRITES_SINCE: readonly (readonly [version: number, bits: bigint])[] = [
  // Write, remove, make: bits 4 to 12; not execute, nor read files and folders.
  [1, WRITE_FILE | 0x1ff0n],
  // Link and rename between folders; truncate.
  [2, 1n << 13n],
  [3, TRUNCATE],
];
const SCOPES_SINCE = 6;
/** Signals to, and abstract sockets of, whoever is outside. */
const SCOPES = 3n;
/** O_PATH, include/uapi/asm-generic/fcntl.h; Node does not name it. */
const O_PATH = 0o10000000;

export interface Reach {
  /** Folders in which files are made, written and removed. */
  readonly writableFolders: readonly string[];
  readonly writableFiles: readonly string[];
  /** Folders in which sockets are made and removed, and nothing else. */
  readonly socketFolders: readonly string[];
  /** What may be started. */
  readonly programs: readonly string[];
}

/** The kernel's version of Landlock; null where it has none or it is switched off. */
export function landlockVersion(): number | null {
  const version = createRuleset(CREATE_RULESET, null, 0, ASK_VERSION);
  return version < 1 ? null : version;
}

/**
 * Restricts the calling thread and whatever it execs to `reach`; reading is as before. From version 6 (Linux 6.12) signals
 * reach only what it started. Needs no_new_privs; cannot be undone. Returns the version. Throws an Error that says why
 * where the kernel has no Landlock or a path cannot be opened.
 */
export function restrictTo(reach: Reach): number {
  const version = landlockVersion();
  if (version === null) throw new Error('the kernel has no Landlock (lsm=…,landlock,… in its command line)');
  const writes = WRITES_SINCE.filter(([since]) => since <= version).reduce((all, [, bits]) => all | bits, 0n);
  const attributes = {
    handled_access_fs: writes | EXECUTE,
    handled_access_net: 0n,
    scoped: version >= SCOPES_SINCE ? SCOPES : 0n,
  };
  const bytes = version >= SCOPES_SINCE ? 24 : 8;
  const ruleset = check(createRuleset(CREATE_RULESET, attributes, bytes, 0), 'a ruleset');
  try {
    const ofFiles = writes & (WRITE_FILE | TRUNCATE);
    for (const folder of reach.writableFolders) allow(ruleset, folder, writes);
    // A terminal of another namespace has a name that leads nowhere here.
    for (const file of reach.writableFiles.filter((path) => existsSync(path))) allow(ruleset, file, ofFiles);
    for (const folder of reach.socketFolders) allow(ruleset, folder, MAKE_SOCKET | REMOVE_FILE);
    for (const program of reach.programs) allow(ruleset, program, EXECUTE);
    check(restrictSelf(RESTRICT_SELF, ruleset, 0), 'the restriction');
  } finally {
    closeSync(ruleset);
  }
  return version;
}

function allow(ruleset: number, path: string, access: bigint): void {
  const fd = openSync(path, O_PATH | constants.O_RDONLY);
  try {
    const rule = { allowed_access: access, parent_fd: fd };
    check(addRule(ADD_RULE, ruleset, PATH_BENEATH, rule, 0), `the rule for ${path}`);
  } finally {
    closeSync(fd);
  }
}

function check(result: number, what: string): number {
  if (result < 0) throw new Error(`Landlock refuses ${what}: ${errnoName(lastErrno())}`);
  return result;
}
