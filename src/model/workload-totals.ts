// What workloads did, summed over their pods, as counters that never fall: for metrics.
//
// A pod's counts go with it, its name may come later than its first events, and a workload may return. So each place
// hands over what it has counted since it was last looked at to the workload that it belongs to by then. Sums over all
// workloads are the sums over all events.
import type { Metadata } from '../identity/index.ts';
import type { LastEnd, Place } from './activity.ts';
import { unitPattern } from './unit-pattern.ts';

/** Whom counts belong to. For what is no pod the kind says what it is, and the names are empty. */
export interface WorkloadName {
  readonly namespace: string;
  /** As the API has it, e.g. `Deployment`; else `unit`, `container`, `host`, `kernel`, `unknown`, `unnamed`, `other`, `ended`. */
  readonly kind: string;
  readonly name: string;
}

/** A process to look at, for a count. */
export interface Example extends Readonly<LastEnd> {
  readonly podName: string | null;
}

/** Counts since the agent started. */
export class WorkloadTotals {
  readonly workload: WorkloadName;
  forks = 0;
  execs = 0;
  exits = 0;
  shortLived = 0;
  /** Of processes that ended and of those that live. */
  cpuNs = 0;
  /** As ActivityCounts has them. */
  readonly causes = new Map<number, number>();
  /** The last process that ended so, by cause, but for exit code 0. */
  readonly examples = new Map<number, Example>();
  /** When a place of it was last there; monotonic milliseconds. */
  seenMs = 0;

  constructor(workload: WorkloadName) {
    this.workload = workload;
  }
}

/** What a place had handed over when it was last looked at. */
interface Handed {
  forks: number;
  execs: number;
  exits: number;
  shortLived: number;
  cpuNs: number;
  readonly causes: Map<number, number>;
}

export interface WorkloadCountersOptions {
  /** Workloads with counts of their own, units aside; further ones are counted together as `other`. */
  readonly maxWorkloads: number;
  /** Units with counts of their own, by pattern; further ones are counted together as the unit without a name. */
  readonly maxUnits: number;
  /** Monotonic. */
  readonly nowMs: () => number;
}

/** A workload without a place for so long makes room for others when there is none; its counts go to `ended`. */
const RETENTION_MS = 3_600_000;

export class WorkloadCounters {
  readonly #options: WorkloadCountersOptions;
  /** Units come and go at the will of whoever may make them: they have a room of their own. */
  readonly #units: Room;
  readonly #workloads: Room;
  readonly #ended = new WorkloadTotals({ namespace: '', kind: 'ended', name: '' });
  readonly #handed = new WeakMap<Place, Handed>();

  constructor(options: WorkloadCountersOptions) {
    this.#options = options;
    this.#workloads = new Room(options.maxWorkloads, 'other');
    this.#units = new Room(options.maxUnits, 'unit');
  }

  /** How many times a workload was counted in `other` for lack of room, once a look. */
  get refused(): number {
    return this.#workloads.refused;
  }

  /** How many times a unit was counted with others for lack of room, once a look. */
  get refusedUnits(): number {
    return this.#units.refused;
  }

  /** What is counted together is in it once it has counts. */
  totals(): WorkloadTotals[] {
    const together = [this.#units.rest, this.#workloads.rest, this.#ended].filter(
      ({ forks, execs, exits, cpuNs }) => forks + execs + exits + cpuNs > 0,
    );
    return [...this.#workloads.totals.values(), ...this.#units.totals.values(), ...together];
  }

  /** Takes over what a place has counted since the last time. `liveCpuNs` is the CPU time of its live processes. */
  settle(place: Place, metadata: Metadata | null, liveCpuNs: number): WorkloadTotals {
    const totals = this.#totalsOf(workloadOf(place, metadata));
    totals.seenMs = this.#options.nowMs();
    const handed = this.#handedOf(place);
    const { counts } = place;
    for (const key of ['forks', 'execs', 'exits', 'shortLived'] as const) {
      totals[key] += counts[key] - handed[key];
      handed[key] = counts[key];
    }
    for (const [cause, count] of counts.causes) {
      const before = handed.causes.get(cause) ?? 0;
      if (count === before) continue;
      totals.causes.set(cause, (totals.causes.get(cause) ?? 0) + count - before);
      handed.causes.set(cause, count);
      const last = counts.lastEnds.get(cause);
      if (last !== undefined && last.ktimeNs > (totals.examples.get(cause)?.ktimeNs ?? -1n))
        totals.examples.set(cause, { ...last, podName: metadata?.podName ?? null });
    }
    // A process that was moved took its time along, and one whose exit was lost left none: counters do not fall.
    const cpuNs = Math.max(handed.cpuNs, counts.endedCpuNs + liveCpuNs);
    totals.cpuNs += cpuNs - handed.cpuNs;
    handed.cpuNs = cpuNs;
    return totals;
  }

  #handedOf(place: Place): Handed {
    let handed = this.#handed.get(place);
    if (handed === undefined) {
      handed = { forks: 0, execs: 0, exits: 0, shortLived: 0, cpuNs: 0, causes: new Map() };
      this.#handed.set(place, handed);
    }
    return handed;
  }

  #totalsOf(workload: WorkloadName): WorkloadTotals {
    if (workload.kind === 'other') return this.#workloads.rest;
    const room = workload.kind === 'unit' ? this.#units : this.#workloads;
    const key = `${workload.namespace}/${workload.kind}/${workload.name}`;
    const known = room.totals.get(key);
    if (known !== undefined) return known;
    if (room.totals.size >= room.max) this.#endOld(room);
    if (room.totals.size >= room.max) {
      room.refused++;
      return room.rest;
    }
    const totals = new WorkloadTotals(workload);
    room.totals.set(key, totals);
    return totals;
  }

  /** Nothing when everything in the room was there in the last hour. */
  #endOld({ totals }: Room): void {
    const before = this.#options.nowMs() - RETENTION_MS;
    for (const [key, old] of totals) {
      if (old.seenMs >= before) continue;
      totals.delete(key);
      for (const count of ['forks', 'execs', 'exits', 'shortLived', 'cpuNs'] as const)
        this.#ended[count] += old[count];
      for (const [cause, count] of old.causes)
        this.#ended.causes.set(cause, (this.#ended.causes.get(cause) ?? 0) + count);
    }
  }
}

/** So many workloads with counts of their own, and one for the rest. */
class Room {
  readonly max: number;
  readonly totals = new Map<string, WorkloadTotals>();
  readonly rest: WorkloadTotals;
  refused = 0;

  constructor(max: number, kindOfRest: string) {
    this.max = max;
    this.rest = new WorkloadTotals({ namespace: '', kind: kindOfRest, name: '' });
  }
}

/**
 * Pods of no known workload are `unnamed`, whatever their number; of units it is the pattern. A container whose cgroup is in no
 * pod counts for the pod that the sources say it is in.
 */
export function workloadOf({ kind, identity }: Place, metadata: Metadata | null): WorkloadName {
  const plain = (what: string, name = ''): WorkloadName => ({ namespace: '', kind: what, name });
  if (kind === 'unit') return plain('unit', unitPattern(identity?.unit ?? ''));
  if (kind !== 'pod' && metadata?.podUid === undefined) return plain(kind);
  const workload = metadata?.workload ?? null;
  if (workload === null || metadata?.namespace == null) return plain('unnamed');
  return { namespace: metadata.namespace, kind: workload.kind, name: workload.name };
}
