// Memory maps and clocks of libc, called through koffi.
import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import type { Pointer } from './libbpf.ts';
import { boottimeOffsetNs } from './time-namespace.ts';

const libc = koffi.load('libc.so.6');
koffi.struct('timespec', { tv_sec: 'int64_t', tv_nsec: 'int64_t' });

const mmap = libc.func(
  'void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)',
) as (addr: null, length: number, prot: number, flags: number, fd: number, offset: number) => Pointer;
const munmap = libc.func('int munmap(void *addr, size_t length)') as (
  addr: Pointer,
  length: number,
) => number;
const clockGettime = libc.func('int clock_gettime(int clock, _Out_ timespec *ts)') as (
  clock: number,
  ts: { tv_sec?: number; tv_nsec?: number },
) => number;

const flock = libc.func('int flock(int fd, int operation)') as (fd: number, operation: number) => number;
const LOCK_EX = 2;
const LOCK_NB = 4;

const madvise = libc.func('int madvise(uint64_t address, size_t length, int advice)') as (
  address: bigint,
  length: number,
  advice: number,
) => number;
const mallocTrim = libc.func('int malloc_trim(size_t pad)') as (pad: number) => number;
/** glibc's sigset_t: 1024 bits. */
const SIGSET_BYTES = 128;
const SIG_SETMASK = 2;
const pthreadSigmask = libc.func('int pthread_sigmask(int how, const void *set, _Out_ void *old)') as (
  how: number,
  set: Uint8Array,
  old: Uint8Array | null,
) => number;
const getpagesize = libc.func('int getpagesize()') as () => number;
/** 4096 on x86-64; up to 65536 on arm64. */
export const PAGE_BYTES = getpagesize();

// include/uapi: asm-generic/mman-common.h, linux/time.h.
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MADV_DONTNEED = 4;
const CLOCK_REALTIME = 0;
const CLOCK_BOOTTIME = 7;

export interface Mapping {
  readonly buffer: ArrayBuffer;
  /** The buffer must not be touched afterwards. */
  unmap(): void;
}

/** Maps part of a file descriptor shared. Throws a plain Error with the errno. */
export function mapShared(fd: number, offset: number, length: number, writable: boolean): Mapping {
  const pointer = mmap(null, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, offset);
  if (koffi.address(pointer) === 0xffffffffffffffffn) {
    throw new Error(`mmap of ${length} bytes at ${offset} failed with errno ${koffi.errno()}`);
  }
  return { buffer: koffi.view(pointer, length), unmap: () => void munmap(pointer, length) };
}

function readClock(clock: number): bigint {
  const now: { tv_sec?: number; tv_nsec?: number } = {};
  clockGettime(clock, now);
  return BigInt(now.tv_sec!) * 1_000_000_000n + BigInt(now.tv_nsec!);
}

/**
 * CLOCK_BOOTTIME of the node: nanoseconds since boot, suspend included; the kernel programs' clock, whatever the time namespace
 * of the agent. @throws CognitodError TIME_NAMESPACE
 */
export function boottimeNs(): bigint {
  return readClock(CLOCK_BOOTTIME) - boottimeOffsetNs();
}

/** Wall-clock nanoseconds since 1970. */
export function realtimeNs(): bigint {
  return readClock(CLOCK_REALTIME);
}

/**
 * Holds this thread's signals back meanwhile: the kernel's verifier gives up with EAGAIN when one is pending, and a
 * profiler sends a thousand in a second (kernel/bpf/verifier.c, do_check). Other threads still take the signals of the
 * process.
 */
export function withSignalsBlocked<T>(work: () => T): T {
  const before = new Uint8Array(SIGSET_BYTES);
  pthreadSigmask(SIG_SETMASK, new Uint8Array(SIGSET_BYTES).fill(0xff), before);
  try {
    return work();
  } finally {
    pthreadSigmask(SIG_SETMASK, before, null);
  }
}

/** Takes the lock of a file for this process, until its descriptor is closed or the process ends; false when it is taken. */
export const lockFile = (fd: number): boolean => flock(fd, LOCK_EX | LOCK_NB) === 0;

/** Gives memory that C code has freed back to the kernel: loading programs parses megabytes of type information. */
export function releaseFreedMemory(): void {
  mallocTrim(0);
}

/** A mapping of a file in /proc/PID/smaps that is only read, up to the line that counts what was written to it. */
const READ_ONLY_MAPPING =
  /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \d+ +\/.*\n(?:[A-Z].*\n)*?Anonymous: +(\d+) kB$/gm;

/**
 * Unmaps the code and constants that only the start needed: two thirds of what Node's binary holds in memory. Pages of a
 * file that were never written come back from the page cache when they are needed again, by a minor fault; mappings with
 * pages that were (relocations) are left alone.
 */
export function releaseStartupCode(): void {
  for (const [, first, end, anonymous] of readFileSync('/proc/self/smaps', 'latin1').matchAll(
    READ_ONLY_MAPPING,
  )) {
    if (anonymous !== '0') continue;
    const start = BigInt(`0x${first}`);
    madvise(start, Number(BigInt(`0x${end}`) - start), MADV_DONTNEED);
  }
}
