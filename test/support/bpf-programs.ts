// Which BPF programs a process holds, and whether they still exist: to prove that none of ours is left.
import { readdirSync, readFileSync } from 'node:fs';
import koffi from 'koffi';

const lib = koffi.load('libbpf.so.1');
const fdById = lib.func('int bpf_prog_get_fd_by_id(uint32_t id)');
const close = koffi.load('libc.so.6').func('int close(int fd)');

/** Ids of the programs that a process has descriptors of. */
export function programsOf(pid: number): number[] {
  const ids = readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) => {
    try {
      return /^prog_id:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1] ?? [];
    } catch {
      return [];
    }
  });
  return [...new Set(ids.map(Number))];
}

/** Those of the programs that the kernel still has after a moment: it frees them in a work queue. */
export async function remaining(ids: readonly number[]): Promise<number[]> {
  let left = [...ids];
  for (let i = 0; i < 100 && left.length > 0; i++) {
    left = left.filter((id) => {
      const fd = fdById(id);
      if (fd >= 0) close(fd);
      return fd >= 0;
    });
    if (left.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return left;
}
