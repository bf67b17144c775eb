// What the kernel says of programs and links, asked through own descriptors: that needs no privilege, but the kernel then
// keeps instructions and map ids back (bpf_prog_get_info_by_fd, kernel/bpf/syscall.c).
import { readFileSync } from 'node:fs';
import { loadLibbpf } from './libbpf.ts';
import { lastErrno } from '../os/index.ts';
import { attachedPrograms, type LoadedPrograms, type ProgramFacts } from './loaded-programs.ts';

/** struct bpf_prog_info, include/uapi/linux/bpf.h: offsets of the fields used. */
const PROG_INFO_BYTES = 232;
const PROG = {
  id: 4,
  tag: 8,
  name: 64,
  runTimeNs: 192,
  runCount: 200,
  recursionMisses: 208,
  verifiedInstructions: 216,
} as const;
const TAG_BYTES = 8;
const NAME_BYTES = 16;
/** struct bpf_link_info, likewise. */
const LINK_INFO_BYTES = 64;
const LINK_PROGRAM_ID = 8;

/** One program of ours as the kernel has it. */
export interface ProgramState extends ProgramFacts {
  /** A link of ours holds exactly this program on its hook. */
  readonly attached: boolean;
  /** Null while the kernel does not count (kernel.bpf_stats_enabled), and without a descriptor of the program. */
  readonly runTimeNs: number | null;
  readonly runCount: number | null;
}

export interface ProgramRunStats {
  /** Only counted while kernel.bpf_stats_enabled is 1. */
  readonly runTimeNs: number;
  readonly runCount: number;
  /** Times the kernel skipped the program because it was already running on that CPU: events never counted. */
  readonly recursionMisses: number;
}

/** Run statistics of a program of ours. Throws a plain Error with the errno. */
export function readProgramStats(programFd: number): ProgramRunStats {
  const info = readInfo(programFd, PROG_INFO_BYTES);
  const long = (offset: number) => Number(info.readBigUInt64LE(offset));
  return {
    runTimeNs: long(PROG.runTimeNs),
    runCount: long(PROG.runCount),
    recursionMisses: long(PROG.recursionMisses),
  };
}

/** Of a program that is loaded. Throws a plain Error with the errno. */
export function readProgramFacts(object: string, hook: string, programFd: number): ProgramFacts {
  const info = readInfo(programFd, PROG_INFO_BYTES);
  const name = info.toString('latin1', PROG.name, PROG.name + NAME_BYTES);
  return {
    object,
    hook,
    name: name.slice(0, Math.max(0, name.indexOf('\0'))),
    id: info.readUInt32LE(PROG.id),
    tag: info.toString('hex', PROG.tag, PROG.tag + TAG_BYTES),
    verifiedInstructions: info.readUInt32LE(PROG.verifiedInstructions) || null,
  };
}

/**
 * Every program, the task iterator's too. `procRoot` tells whether runs are counted. The links must still be open. Throws
 * a plain Error with the errno.
 */
export function readPrograms(loaded: Pick<LoadedPrograms, 'objects'>, procRoot: string): ProgramState[] {
  const counted = areRunsCounted(procRoot);
  return attachedPrograms(loaded).map(({ facts, linkFd, programFd }) => {
    const stats = counted && programFd !== null ? readProgramStats(programFd) : null;
    return {
      ...facts,
      attached: readInfo(linkFd, LINK_INFO_BYTES).readUInt32LE(LINK_PROGRAM_ID) === facts.id,
      runTimeNs: stats?.runTimeNs ?? null,
      runCount: stats?.runCount ?? null,
    };
  });
}

function readInfo(fd: number, length: number): Buffer {
  const info = Buffer.alloc(length);
  if (loadLibbpf().objectInfo(fd, info, [length]) !== 0) {
    throw new Error(`the kernel tells nothing of descriptor ${fd}: errno ${lastErrno()}`);
  }
  return info;
}

function areRunsCounted(procRoot: string): boolean {
  try {
    return readFileSync(`${procRoot}/sys/kernel/bpf_stats_enabled`, 'utf8').trim() === '1';
  } catch {
    return false;
  }
}
