// Reads argv and executable of the processes that were there before the agent, a few at a time.
import { readExecutable, readCmdline } from '../collect/index.ts';
import type { ArgvMasker } from '../decode/index.ts';
import type { ProcessView, ProcessTable } from '../model/index.ts';

const PER_TURN = 50;
const TURN_MS = 10;

/** Resolves when all processes of the first snapshot were read or are gone, or when the signal aborts. */
export async function enrichSnapshot(
  table: ProcessTable,
  procRoot: string,
  mask: ArgvMasker,
  signal: AbortSignal,
): Promise<void> {
  const waiting = [...table.running()].filter(needsProc);
  for (let next = 0; next < waiting.length && !signal.aborted; next += PER_TURN) {
    for (const process of waiting.slice(next, next + PER_TURN)) enrichOne(table, process, procRoot, mask);
    await new Promise((resolve) => setTimeout(resolve, TURN_MS));
  }
}

const needsProc = (process: ProcessView) =>
  process.state === 'running' &&
  !process.kernelThread &&
  process.image.source === 'snapshot' &&
  process.image.argv === null;

function enrichOne(table: ProcessTable, process: ProcessView, procRoot: string, mask: ArgvMasker): void {
  if (!needsProc(process)) return;
  const argv = readCmdline(procRoot, process.pid);
  if (argv === null) return;
  const executable = readExecutable(procRoot, process.pid);
  // An exec in between arrives later and starts a new image with its own argv; this one is then history. Only a
  // pid that was given to another process meanwhile could mislead, and its events come first: see enrich().
  const { cut } = mask(argv, executable ?? argv[0] ?? '');
  table.enrich(process.pid, process.startNs, { executable, argv, argvTruncated: cut });
}
