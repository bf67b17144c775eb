// The account of all that happened: what the kernel counted, and what became of it here.
import type { CountedKind, LedgerJson, LedgerRows } from '../api/index.ts';
import type { CollectorCounts } from '../collect/index.ts';
import { byKind } from '../lib/counted-kinds.ts';
import type { ProcessTable } from '../model/index.ts';

/**
 * `maySkip`: CollectorStatus. `cgroupRecords`: how many cgroups are known. `before`: the account as it was last composed.
 *
 * What is missing was lost by the ring or skipped by the kernel. The ring counts at once what it loses, but the model
 * misses it later, or never when it knew nothing of the process. So what was found to be skipped stays so when more is
 * lost, as long as it is missing: it goes only when it is told after all.
 */
export function composeLedger(
  counts: CollectorCounts,
  maySkip: boolean,
  { ledger }: Pick<ProcessTable, 'ledger'>,
  cgroupRecords: number,
  before: LedgerRows | null,
): LedgerJson {
  const missing = { ...byKind(() => 0), exec: ledger.execsMissing, exit: ledger.exitsMissing };
  const entry = (type: CountedKind) => {
    const { kernel: counted, lost } = counts[type];
    const decoded = ledger.decoded[type];
    const known = Math.min(before?.[type].skipped ?? 0, missing[type]);
    const skipped = maySkip ? Math.max(0, missing[type] - lost, known) : 0;
    return {
      kernel: counted + skipped,
      decoded,
      lost,
      skipped,
      pending: Math.max(0, counted - decoded - lost),
    };
  };
  return {
    ...byKind(entry),
    cgroup: { decoded: cgroupRecords, lost: counts.cgroupLost },
    containers: {
      seen: ledger.containerEventsSeen,
      attributed: ledger.containerEventsAttributed,
      unknown_cgroup: ledger.unknownCgroupEvents,
      claimed: ledger.claimedEvents,
    },
    healed: {
      exit_unseen: ledger.exitUnseen,
      fork_unseen: ledger.forkUnseen,
      reopened: ledger.reopened,
    },
    dropped: { exited: ledger.droppedExited, live: ledger.droppedLive, images: ledger.droppedImages },
  };
}
