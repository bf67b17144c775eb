// Reads the facts about a process that /proc/PID/stat does not tell: ids, capabilities, namespaces, cgroup.
import { Buffer } from 'node:buffer';
import { DENIED, type ProcFiles } from './proc-files.ts';

const UNSET = 4294967295;

/** What can change during a life, but for what `stat` tells. */
export interface ProcFacts {
  readonly uid: number;
  readonly gid: number;
  readonly euid: number;
  readonly loginuid: number;
  readonly sessionId: number;
  readonly capEffective: number;
  readonly pidNs: number;
  readonly mntNs: number;
  readonly cgroupNs: number;
  readonly nsPid: number;
  /** Size of the program's code: tells one program from another where nothing else is shown. */
  readonly codeKib: number;
  /** The most memory that this image has used until now. */
  readonly maxRssBytes: number;
  /** The content of /proc/PID/cgroup as raw text, one character for each byte; null when the kernel has no cgroups. */
  readonly cgroup: string | null;
}

/** Null when the process is gone; DENIED when it may not be read. */
export function readFacts(files: ProcFiles, pid: number): ProcFacts | null | typeof DENIED {
  const length = files.read(pid, 'status');
  if (length < 0) return length === DENIED ? DENIED : null;
  const status = textOf(files, length);
  const uids = statusField(status, 'Uid');
  if (uids.length < 2) return null;
  return {
    uid: Number(uids[0]),
    euid: Number(uids[1]),
    gid: Number(statusField(status, 'Gid')[0] ?? 0),
    loginuid: readNumber(files, pid, 'loginuid'),
    sessionId: readNumber(files, pid, 'sessionid'),
    capEffective: Number.parseInt(statusField(status, 'CapEff')[0] ?? '0', 16),
    pidNs: readNamespace(files, pid, 'ns/pid'),
    mntNs: readNamespace(files, pid, 'ns/mnt'),
    cgroupNs: readNamespace(files, pid, 'ns/cgroup'),
    nsPid: Number(statusField(status, 'NSpid').at(-1) ?? pid),
    codeKib: Number(statusField(status, 'VmExe')[0] ?? 0),
    maxRssBytes: Number(statusField(status, 'VmHWM')[0] ?? 0) * 1024,
    cgroup: readText(files, pid, 'cgroup', 'latin1'),
  };
}

/**
 * The values of a line of /proc/PID/status. Only a newline ends a line: the kernel escapes it in the name, but not a
 * carriage return, so a process could otherwise name itself "\rUid: 0 0 0 0" and pass for root.
 */
function statusField(status: string, name: string): string[] {
  const label = `\n${name}:`;
  const at = status.indexOf(label);
  if (at === -1) return [];
  const end = status.indexOf('\n', at + 1);
  const value = status.slice(at + label.length, end === -1 ? undefined : end).trim();
  return value === '' ? [] : value.split(/\s+/);
}

type Encoding = 'utf8' | 'latin1';

function readText(files: ProcFiles, pid: number, file: string, encoding: Encoding = 'utf8'): string | null {
  const length = files.read(pid, file);
  return length < 0 ? null : textOf(files, length, encoding);
}

function textOf(files: ProcFiles, length: number, encoding: Encoding = 'utf8'): string {
  return Buffer.from(files.bytes.buffer, files.bytes.byteOffset, length).toString(encoding);
}

/** Kernels without audit have no such file. */
function readNumber(files: ProcFiles, pid: number, file: string): number {
  const text = readText(files, pid, file)?.trim() ?? '';
  return /^\d+$/.test(text) ? Number(text) : UNSET;
}

/** 0 when the process may not be traced. */
function readNamespace(files: ProcFiles, pid: number, file: string): number {
  const link = files.link(pid, file);
  return link === null ? 0 : Number(/\d+/.exec(Buffer.from(link).toString('latin1'))?.[0] ?? 0);
}

/** Whether the kernel shows this agent all about the process: the right that ptrace(2) asks for. */
export const mayTrace = (files: ProcFiles, pid: number) => files.link(pid, 'ns/pid') !== null;
