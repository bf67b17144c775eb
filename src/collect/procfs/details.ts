// Reads everything about one process so that all of it belongs together: to one life and one image.
import type { ArgvMasker } from '../../decode/index.ts';
import { type ProcFacts, readFacts } from './facts.ts';
import { readArgv, readImagePath } from './image.ts';
import { type Image, UNKNOWN_IMAGE } from './known-process.ts';
import { DENIED, type FAILED, GONE, type ProcFiles } from './proc-files.ts';
import { type ProcStat, parseStat, sameImage } from './stat.ts';

export interface Details {
  readonly stat: ProcStat;
  readonly facts: ProcFacts;
  readonly image: Image;
}

/** The file is there and makes no sense. */
export const MALFORMED = -4;
export type Unreadable = typeof GONE | typeof DENIED | typeof FAILED | typeof MALFORMED;

/** A process that execs all the time is read at most so often; its last state comes with the next look. */
const ATTEMPTS = 3;

export function readStatFile(files: ProcFiles, pid: number): ProcStat | Unreadable {
  const length = files.read(pid, 'stat');
  if (length < 0) return length as Unreadable;
  return parseStat(files.bytes, length) ?? MALFORMED;
}

/** `stat` as it was seen; the answer has a newer one. GONE also when the pid has another life by now. */
export function readDetails(
  files: ProcFiles,
  pid: number,
  stat: ProcStat,
  argvBytes: number,
  mask: ArgvMasker,
): Details | Unreadable {
  let before = stat;
  for (let attempt = 1; ; attempt++) {
    const facts = readFacts(files, pid);
    const image = facts === null || facts === DENIED ? null : readImage(files, pid, argvBytes, mask);
    const after = readStatFile(files, pid);
    if (typeof after === 'number') return after;
    if (after.startNs !== stat.startNs) return GONE;
    if (facts === DENIED) return DENIED;
    // The process lives and its status is no status.
    if (facts === null || image === null) return MALFORMED;
    const shown = after.dead || after.leaderGone ? withoutEmptyArgv(image) : image;
    if (sameImage(before, after) || attempt === ATTEMPTS) return { stat: after, facts, image: shown };
    before = after;
  }
}

function readImage(files: ProcFiles, pid: number, argvBytes: number, mask: ArgvMasker): Image {
  const file = readImagePath(files, pid);
  const read = readArgv(files, pid, argvBytes);
  const executable = file?.path ?? null;
  if (read === null) return { ...UNKNOWN_IMAGE, executable, memfd: file?.memfd ?? false };
  const { masked, cut } = mask(read.argv, executable ?? read.argv[0] ?? '');
  return {
    executable,
    memfd: file?.memfd ?? false,
    argvMasked: masked,
    argv: read.argv,
    argvTruncated: read.truncated || cut,
  };
}

/** The arguments go with the memory: those of a zombie are unknown, not empty. */
const withoutEmptyArgv = (image: Image): Image =>
  image.argv?.length === 0 ? { ...image, argv: null } : image;
