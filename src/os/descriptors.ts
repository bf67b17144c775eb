// File descriptors of this process, called through koffi.
import koffi from 'koffi';
import { errnoName, lastErrno } from './errno.ts';

const libc = koffi.load('libc.so.6');
const fcntl = libc.func('int fcntl(int fd, int command, int argument)') as (
  fd: number,
  command: number,
  argument: number,
) => number;
/** include/uapi/asm-generic/fcntl.h. */
const F_SETFD = 2;

/** The descriptor stays open when this process execs itself. */
export function keepOpenAcrossExec(fd: number): void {
  if (fcntl(fd, F_SETFD, 0) < 0) throw new Error(`fcntl of ${fd} failed: ${errnoName(lastErrno())}`);
}
