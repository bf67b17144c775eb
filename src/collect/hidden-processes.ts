// Processes that /proc shows and the kernel's task iterator does not.
//
// Some kernels keep a few tasks out of BPF iterators (seen on a 6.18 micro-VM: its init). They are few, older than the
// agent, and part of every lineage, so they are read from /proc.
import type { DecodedRecord, ProcessSnapshot } from '../decode/index.ts';
import { CLOCK_TICK_NS, listPids, ProcCgroups, readSnapshot, readStat } from './procfs/index.ts';

/** Arguments are read, and masked, with those of all other processes that were there before. */
const UNREAD = { executable: null, argv: null } as const;

export class HiddenProcesses {
  readonly #procRoot: string;
  readonly #cgroups = new ProcCgroups();
  #found: ProcessSnapshot[] | undefined;

  constructor(procRoot: string) {
    this.#procRoot = procRoot;
  }

  /**
   * Those of them that live, as they are now. The search is made at the first call: what began later has its fork in
   * the stream. `beforeNs` is the time at which the hooks were attached. Throws when some cannot be read for a reason that
   * is not theirs; the next call looks again.
   */
  alive(
    listed: readonly ProcessSnapshot[],
    beforeNs: bigint,
    nowNs: bigint,
    deliver: (record: DecodedRecord) => void,
  ): ProcessSnapshot[] {
    this.#found =
      this.#found === undefined
        ? this.#search(listed, beforeNs, nowNs, deliver)
        : this.#found.flatMap((earlier) => this.#visit(earlier, listed, nowNs, deliver) ?? []);
    return this.#found;
  }

  /** The same process as it is now: it may have another name, cgroup or parent. Null when it has ended. */
  #visit(
    earlier: ProcessSnapshot,
    listed: readonly ProcessSnapshot[],
    nowNs: bigint,
    deliver: (record: DecodedRecord) => void,
  ): ProcessSnapshot | null {
    const { pid, startNs } = earlier;
    const stat = readStat(this.#procRoot, pid);
    if (stat === null || stat.dead || stat.startNs !== toTicks(startNs)) return null;
    const isParent = (other: ProcessSnapshot) => other.pid === stat.parentPid;
    const parentStartNs = (listed.find(isParent) ?? this.#found?.find(isParent))?.startNs ?? 0n;
    const snapshot = readSnapshot(this.#procRoot, pid, stat, parentStartNs, nowNs, this.#cgroups, deliver);
    return snapshot === null ? null : { ...snapshot, ...UNREAD, startNs };
  }

  #search(
    listed: readonly ProcessSnapshot[],
    beforeNs: bigint,
    nowNs: bigint,
    deliver: (record: DecodedRecord) => void,
  ): ProcessSnapshot[] {
    const known = new Map(listed.map((snapshot) => [snapshot.pid, snapshot]));
    const found: ProcessSnapshot[] = [];
    for (const pid of this.#pids()) {
      if (known.has(pid)) continue;
      const stat = readStat(this.#procRoot, pid);
      if (stat === null || stat.dead || stat.startNs + CLOCK_TICK_NS >= beforeNs) continue;
      const parentStartNs = known.get(stat.parentPid)?.startNs ?? 0n;
      const snapshot = readSnapshot(this.#procRoot, pid, stat, parentStartNs, nowNs, this.#cgroups, deliver);
      // /proc gives the start in ticks; the children know their parent's start to the nanosecond.
      const child = listed.find(
        (other) => other.parentPid === pid && toTicks(other.parentStartNs) === stat.startNs,
      );
      if (snapshot === null) continue;
      const hidden = { ...snapshot, ...UNREAD, startNs: child?.parentStartNs ?? stat.startNs };
      known.set(pid, hidden);
      found.push(hidden);
    }
    return found;
  }

  /** None where there is no procfs, or none that may be read. */
  #pids(): number[] {
    try {
      return listPids(this.#procRoot);
    } catch (error) {
      if (['ENOENT', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw error;
    }
  }
}

const toTicks = (ns: bigint) => ns - (ns % CLOCK_TICK_NS);
