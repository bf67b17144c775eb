// The user-space side of the ledger: what reached the model, what could be attributed, what had to be healed.
import type { EventType } from '../decode/index.ts';
import type { Identity } from '../identity/index.ts';
import { byKind, type CountedKind } from '../lib/counted-kinds.ts';

/** Counts since the agent started. Written by the process table only. */
export class Ledger {
  readonly decoded: Record<CountedKind, number> = byKind(() => 0);
  /** Events of processes in a container or pod, or in a cgroup that could not be named. */
  containerEventsSeen = 0;
  containerEventsAttributed = 0;
  unknownCgroupEvents = 0;
  /** Events of processes that are in a container by a name only that anybody may have made; in none of the above. */
  claimedEvents = 0;
  exitUnseen = 0;
  forkUnseen = 0;
  /** Processes that were closed as unseen and had not ended. */
  reopened = 0;
  /** Execs and exits that must have happened but were never told: lost, or skipped by the kernel. */
  execsMissing = 0;
  exitsMissing = 0;
  droppedExited = 0;
  droppedLive = 0;
  droppedImages = 0;

  countEvent(type: EventType, identity: Identity): void {
    this.decoded[type]++;
    if (identity.provenance === 'not-a-container') return;
    if (identity.provenance === 'claimed') {
      this.claimedEvents++;
      return;
    }
    this.containerEventsSeen++;
    if (identity.containerId !== null || identity.podUid !== null) this.containerEventsAttributed++;
    else this.unknownCgroupEvents++;
  }
}
