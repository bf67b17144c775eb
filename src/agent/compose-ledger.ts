// The account of all that happened: what the kernel counted, and what became of it here.
import type { LedgerJson } from '../api/index.ts';
import type { CollectorCounts } from '../collect/index.ts';
import type { ProcessTable } from '../model/index.ts';

/** `maySkip`: CollectorStatus. `cgroupRecords`: how many cgroups are known. */
export function composeLedger(
  counts: CollectorCounts,
  maySkip: boolean,
  { ledger }: Pick<ProcessTable, 'ledger'>,
  cgroupRecords: number,
): LedgerJson {
  const missing = { fork: 0, exec: ledger.execsMissing, exit: ledger.exitsMissing, move: 0 };
  const entry = (type: keyof typeof missing) => {
    const { kernel: counted, lost } = counts[type];
    const decoded = ledger.decoded[type];
    // What the ring lost is missing too.
    const skipped = maySkip ? Math.max(0, missing[type] - lost) : 0;
    return {
      kernel: counted + skipped,
      decoded,
      lost,
      skipped,
      pending: Math.max(0, counted - decoded - lost),
    };
  };
  return {
    fork: entry('fork'),
    exec: entry('exec'),
    exit: entry('exit'),
    move: entry('move'),
    cgroup: { decoded: cgroupRecords, lost: counts.cgroupLost },
    containers: {
      seen: ledger.containerEventsSeen,
      attributed: ledger.containerEventsAttributed,
      unknown_cgroup: ledger.unknownCgroupEvents,
    },
    healed: { exit_unseen: ledger.exitUnseen, fork_unseen: ledger.forkUnseen },
    dropped: { exited: ledger.droppedExited, live: ledger.droppedLive, images: ledger.droppedImages },
  };
}
