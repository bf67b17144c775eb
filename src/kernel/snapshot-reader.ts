// Reads the list of all live processes from the task iterator.
import { closeSync, readSync } from 'node:fs';
import { loadLibbpf } from './libbpf.ts';
import { errnoName, lastErrno } from '../os/index.ts';
import type { RingMemory } from './ring-reader.ts';

const READ_BYTES = 64 * 1024;

/**
 * Runs the iterator once, to its end, and returns its records one after the other in one buffer (each begins with
 * struct record_header, which holds its size). Takes about 0.7 µs a process.
 */
export function readTaskSnapshot(linkFd: number): { memory: RingMemory; length: number } {
  const fd = loadLibbpf().createIterator(linkFd);
  if (fd < 0) throw new Error(`the task iterator cannot be opened: ${errnoName(lastErrno())}`);
  let buffer = new Uint8Array(256 * 1024);
  let length = 0;
  try {
    for (;;) {
      if (buffer.length - length < READ_BYTES) {
        const larger = new Uint8Array(buffer.length * 2);
        larger.set(buffer);
        buffer = larger;
      }
      const count = readSync(fd, buffer, length, READ_BYTES, null);
      if (count === 0) break;
      length += count;
    }
  } finally {
    closeSync(fd);
  }
  return {
    memory: {
      bytes: buffer,
      words: new Uint32Array(buffer.buffer),
      longs: new BigUint64Array(buffer.buffer),
    },
    length,
  };
}
