// Memory of this process, called through koffi: mapping files, and giving back what is not needed.
import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import type { Pointer } from './errno.ts';

const libc = koffi.load('libc.so.6');
const mmap = libc.func(
  'void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)',
) as (addr: null, length: number, prot: number, flags: number, fd: number, offset: number) => Pointer;
const munmap = libc.func('int munmap(void *addr, size_t length)') as (
  addr: Pointer,
  length: number,
) => number;
const madvise = libc.func('int madvise(uint64_t address, size_t length, int advice)') as (
  address: bigint,
  length: number,
  advice: number,
) => number;
const mallocTrim = libc.func('int malloc_trim(size_t pad)') as (pad: number) => number;
const getpagesize = libc.func('int getpagesize()') as () => number;
/** 4096 on x86-64; up to 65536 on arm64. */
export const PAGE_BYTES = getpagesize();

// include/uapi/asm-generic/mman-common.h.
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MADV_DONTNEED = 4;

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
