// Reads what a process runs: its executable and its arguments.
import { decodeText, splitArgv } from '../../decode/index.ts';
import type { ProcFiles } from './proc-files.ts';

export interface ProcArgv {
  readonly argv: string[];
  readonly truncated: boolean;
}

export interface ProcExecutable {
  /** Without the kernel's remark that it is deleted. */
  readonly path: string;
  readonly memfd: boolean;
}

const DELETED = ' (deleted)';

/** The arguments, cut after `maxBytes`; empty for a kernel thread or a zombie; null when they cannot be read. */
export function readArgv(files: ProcFiles, pid: number, maxBytes: number): ProcArgv | null {
  // One byte more shows whether there is more.
  const length = files.read(pid, 'cmdline', Math.min(maxBytes + 1, files.bytes.length));
  if (length < 0) return null;
  const kept = Math.min(length, maxBytes);
  return { argv: splitArgv(files.bytes, 0, kept, Number.POSITIVE_INFINITY), truncated: length > kept };
}

/** The path that the executable has now, seen from the process's root; null when it may not be traced. */
export function readImagePath(files: ProcFiles, pid: number): ProcExecutable | null {
  const link = files.link(pid, 'exe');
  if (link === null) return null;
  const path = decodeText(link, 0, link.length);
  const memfd = path.startsWith('/memfd:');
  // A file may be called so and not be deleted.
  const remark = path.endsWith(DELETED) && files.executableFile(pid)?.deleted === true;
  return { path: remark ? path.slice(0, -DELETED.length) : path, memfd };
}
