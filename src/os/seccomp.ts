// The agent's own filter of system calls, made by libseccomp for the processor that it runs on.
import koffi from 'koffi';
import { ALLOWED, ALLOWED_NUMBERS, type ArgumentRule, CONDITIONAL, UNKNOWN } from './system-calls.ts';

/** seccomp.h of libseccomp 2.5. */
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const COMPARE_EQUAL = 4;
const COMPARE_MASKED = 7;
/** The filter switches no mitigation of speculation on, which kernels before 5.16 would do for the whole agent. */
const LEAVE_MITIGATIONS = 7;
const OPTIMIZE = 8;
const BINARY_TREE = 2;
/** What the call is on every other processor. */
const NO_SUCH_CALL = -1;
const EPERM = 1;
const ENOSYS = 38;

type Pointer = unknown;
type Comparison = { arg: number; op: number; datum_a: bigint; datum_b: bigint };

let bound: ReturnType<typeof bind> | undefined;

function bind() {
  const lib = koffi.load('libseccomp.so.2');
  koffi.struct('scmp_arg_cmp', { arg: 'uint32_t', op: 'int', datum_a: 'uint64_t', datum_b: 'uint64_t' });
  return {
    init: lib.func('void *seccomp_init(uint32_t action)') as (action: number) => Pointer | null,
    resolve: lib.func('int seccomp_syscall_resolve_name(const char *name)') as (name: string) => number,
    setAttribute: lib.func('int seccomp_attr_set(void *filter, int attribute, uint32_t value)') as (
      filter: Pointer,
      attribute: number,
      value: number,
    ) => number,
    addRule: lib.func(
      'int seccomp_rule_add_array(void *filter, uint32_t action, int call, unsigned int count, scmp_arg_cmp *comparisons)',
    ) as (
      filter: Pointer,
      action: number,
      call: number,
      count: number,
      comparisons: Comparison[] | null,
    ) => number,
    load: lib.func('int seccomp_load(void *filter)') as (filter: Pointer) => number,
    release: lib.func('void seccomp_release(void *filter)') as (filter: Pointer) => void,
  };
}

/**
 * Puts the filter on the calling thread and whatever it execs; it can never be taken off. Needs no_new_privs. What must come
 * next is an exec: Node's event loop holds an io_uring here, which the filter forbids, and ends itself when that fails.
 * Throws an Error that says why where libseccomp or the kernel will not.
 */
export function filterSystemCalls(): void {
  bound ??= bind();
  const lib = bound;
  const filter = lib.init(ERRNO | EPERM);
  if (filter === null) throw new Error('libseccomp gives no filter');
  try {
    lib.setAttribute(filter, OPTIMIZE, BINARY_TREE);
    lib.setAttribute(filter, LEAVE_MITIGATIONS, 1);
    const add = (name: string | number, action: number, comparison: Comparison | null) => {
      const call = typeof name === 'number' ? name : lib.resolve(name);
      // Of another processor, or unknown to this libseccomp: it stays forbidden.
      if (call <= NO_SUCH_CALL) return;
      const result = lib.addRule(
        filter,
        action,
        call,
        comparison === null ? 0 : 1,
        comparison && [comparison],
      );
      if (result < 0) throw new Error(`libseccomp takes no rule for ${name}: ${result}`);
    };
    for (const name of [...ALLOWED, ...(ALLOWED_NUMBERS[process.arch] ?? [])]) add(name, ALLOW, null);
    for (const name of UNKNOWN) add(name, ERRNO | ENOSYS, null);
    for (const { name, argument } of CONDITIONAL)
      for (const comparison of comparisonsOf(argument)) add(name, ALLOW, comparison);
    const result = lib.load(filter);
    if (result < 0) throw new Error(`the kernel takes no filter of system calls: ${result}`);
  } finally {
    lib.release(filter);
  }
}

function comparisonsOf({ index, in: values = [], without }: ArgumentRule): Comparison[] {
  if (without !== undefined)
    return [{ arg: index, op: COMPARE_MASKED, datum_a: BigInt(without), datum_b: 0n }];
  return values.map((value) => ({ arg: index, op: COMPARE_EQUAL, datum_a: BigInt(value), datum_b: 0n }));
}
