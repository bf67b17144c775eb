// Gives privileges up. capset(2) and prctl(2) work on the calling thread only, and Node has more than one: they take
// effect for the whole process when it execs itself afterwards (capabilities(7), "Transformation of capabilities during
// execve").
import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import { CAPABILITIES } from '../lib/privileges.ts';
import { errnoName, lastErrno } from './errno.ts';

const libc = koffi.load('libc.so.6');
const prctl = libc.func('int prctl(int option, uint64_t a, uint64_t b, uint64_t c, uint64_t d)') as (
  option: number,
  a: number,
  b: number,
  c: number,
  d: number,
) => number;
const capset = libc.func('int capset(const void *header, const void *data)') as (
  header: Uint8Array,
  data: Uint8Array,
) => number;
const capget = libc.func('int capget(const void *header, _Out_ void *data)') as (
  header: Uint8Array,
  data: Uint8Array,
) => number;
// include/uapi/linux/prctl.h, capability.h.
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const CAPABILITY_VERSION_3 = 0x20080522;

/** The three sets of struct __user_cap_data_struct, of 64 bits each. */
interface Sets {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}

const header = (): Uint8Array => new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer);

function readSets(): Sets {
  const data = new Uint32Array(6);
  const bytes = new Uint8Array(data.buffer);
  if (capget(header(), bytes) !== 0) throw new Error(`capget failed: ${errnoName(lastErrno())}`);
  const set = (index: number) => BigInt(data[index]!) | (BigInt(data[index + 3]!) << 32n);
  return { effective: set(0), permitted: set(1), inheritable: set(2) };
}

function writeSets({ effective, permitted, inheritable }: Sets): void {
  const sets = [effective, permitted, inheritable];
  const data = new Uint32Array([...sets.map(low), ...sets.map((set) => low(set >> 32n))]);
  if (capset(header(), new Uint8Array(data.buffer)) !== 0) {
    throw new Error(`capset failed: ${errnoName(lastErrno())}`);
  }
}

const low = (set: bigint) => Number(set & 0xffffffffn);
const numberOf = (name: string) => CAPABILITIES.indexOf(name);
const setOf = (names: readonly string[]) =>
  names.reduce((set, name) => set | (1n << BigInt(numberOf(name))), 0n);

/**
 * Makes effective what is permitted, in this thread. The image's file capabilities are permitted only: with the
 * effective bit an exec fails with EPERM wherever the bounding set lacks one of them (cap_bprm_creds_from_file,
 * security/commoncap.c).
 */
export function raisePermitted(): void {
  const sets = readSets();
  if (sets.effective !== sets.permitted) writeSets({ ...sets, effective: sets.permitted });
}

/** The names of the capabilities that are effective in this thread. */
export function effectiveCapabilities(): string[] {
  const { effective } = readSets();
  return CAPABILITIES.filter((_, number) => ((effective >> BigInt(number)) & 1n) === 1n);
}

/** Runs `work` with nothing effective in this thread, and gives everything back. */
export function withoutEffective<T>(work: () => T): T {
  const sets = readSets();
  writeSets({ ...sets, effective: 0n });
  try {
    return work();
  } finally {
    writeSets(sets);
  }
}

/**
 * Empties every capability set of this thread but for `keep` (names like `CAP_SYS_PTRACE`; what is not permitted cannot
 * be kept) and sets no_new_privs. The bounding set can be emptied with CAP_SETPCAP only; without, what is left in it
 * is of no use to anybody: no_new_privs keeps an exec from giving it.
 */
export function dropPrivileges(keep: readonly string[]): void {
  const { permitted } = readSets();
  const kept = setOf(keep) & permitted;
  const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
  for (let number = 0; number <= last; number++) {
    const isKept = ((kept >> BigInt(number)) & 1n) === 1n;
    if (!isKept && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) !== 0) break;
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) !== 0) {
    throw new Error(`no_new_privs cannot be set: ${errnoName(lastErrno())}`);
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  writeSets({ effective: kept, permitted: kept, inheritable: kept });
  // What is ambient outlives the exec for a user that is not root.
  for (const name of keep) prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, numberOf(name), 0, 0);
}
