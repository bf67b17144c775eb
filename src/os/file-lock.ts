// Locks of files, called through koffi: flock(2).
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const flock = libc.func('int flock(int fd, int operation)') as (fd: number, operation: number) => number;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** Takes the lock of a file for this process, until its descriptor is closed or the process ends; false when it is taken. */
export const lockFile = (fd: number): boolean => flock(fd, LOCK_EX | LOCK_NB) === 0;
