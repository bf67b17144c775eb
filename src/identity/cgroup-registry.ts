// The identity of every event: cgroup records in, one shared Identity per cgroup out.
import type { CgroupRecord, EventBase } from '../decode/index.ts';
import { readableText } from '../decode/index.ts';
import { readCgroupFile } from './cgroup-file.ts';
import { type CgroupReading, NOTHING, readCgroupPath, rootsAround } from './cgroup-path.ts';
import { CgroupRoots } from './cgroup-roots.ts';
import type { Identity } from './identity.ts';
import type { OwnPod } from './own-pod.ts';
import { type RecencyLinks, RecencyList } from './recency-list.ts';

export interface CgroupRegistryOptions {
  /** The content of /proc/PID/cgroup as raw text, null when it cannot be had. Must not throw. */
  readonly readProcCgroup: (pid: number) => string | null;
  /** How many cgroups are remembered; the one unused for longest makes room. */
  readonly maxEntries?: number;
  /**
   * The agent is in a cgroup namespace of its own: a /proc path that does not start with `/..` is then
   * inside the agent's own container, not on the host, and is not taken for "no container".
   */
  readonly ownCgroupNamespace?: boolean;
  /** Directories below which names are believed as at the root of the hierarchy, see `CgroupRoots`. */
  readonly roots?: readonly string[];
  /** The pod of everything that is seen: of a sidecar. */
  readonly ownPod?: OwnPod | null;
  /**
   * The content of the agent's own /proc/PID/cgroup, raw text. Where it is in `ownPod`, names around it are believed, whatever
   * root the kubelet puts its pods below.
   */
  readonly ownCgroup?: string | null;
}

export interface CgroupRegistryCounts {
  /** Cgroups remembered now. */
  readonly known: number;
  /** Reads of /proc for want of a record. */
  readonly fallbacks: number;
  /** Answers that had to be `cgroup-unknown`, also for want of further reads of /proc in that second. */
  readonly unknown: number;
  /** Cgroups forgotten to make room. */
  readonly evicted: number;
  /** Cgroups told so far whose names claim a pod or container where others than the kubelet or a runtime may make names. */
  readonly claimed: number;
  /** Cgroups told so far whose path was cut. */
  readonly truncated: number;
}

const DEFAULT_MAX_ENTRIES = 20_000;

/** A cgroup without a record is looked up in /proc once in this time, by the clock of the events. */
const RETRY_NS = 250_000_000n;

/** Cgroups without a record are rare: the kernel sends a lost record again with the next event. */
const MAX_GUESSES = 1024;

/**
 * Reads of /proc for all cgroups together, in a second by the clock of the events: each blocks, and whoever makes cgroups
 * whose paths are cut could otherwise cause one by every event.
 */
const MAX_READS = 200;
const READS_NS = 1_000_000_000n;

const UNKNOWN = freeze(NOTHING, 'cgroup-unknown');

/** A cgroup of one hierarchy, as its last record named it. */
interface Known extends RecencyLinks<Known> {
  readonly hierarchy: Map<number, Known>;
  readonly id: number;
  reading: CgroupReading;
  identity: Identity;
  /** Of the record. */
  source: CgroupRecord['source'];
  truncated: boolean;
  /** The answers that rest on this cgroup. */
  readonly answers: Set<PairKey>;
}

/** The settled answer for a pair of cgroups, both of which are known. */
interface Answer {
  readonly identity: Identity;
  readonly v2: Known;
  readonly v1: Known | null;
  /** The generation in which its cgroups were last marked as used. */
  usedIn: number;
}

/** What /proc said of a process whose cgroup has no record. */
interface Guess {
  readonly pid: number;
  readonly startNs: bigint;
  readonly atNs: bigint;
  readonly identity: Identity | null;
  /** Two processes agreed: holds for every process of the pair. */
  readonly agreed: boolean;
}

type PairKey = number | string;

/**
 * Names the cgroups of events. `learn` takes what the collector says of a cgroup, `resolve` answers for
 * an event: in the common case with one Map lookup and the same frozen object for all events of a cgroup.
 *
 * An event is in two cgroups: one of the v2 hierarchy and, on hybrid nodes, one of the v1 hierarchy
 * that container runtimes use. Ids are unique only within a hierarchy. The path that says more gives the
 * identity (`rank`: container and pod, container, pod, unit); between equals v2.
 */
export class CgroupRegistry {
  readonly #readProcCgroup: (pid: number) => string | null;
  readonly #maxEntries: number;
  readonly #ownCgroupNamespace: boolean;
  readonly #ownPod: OwnPod | null;
  readonly #v2 = new Map<number, Known>();
  readonly #v1 = new Map<number, Known>();
  readonly #byUse = new RecencyList<Known>();
  readonly #answers = new Map<PairKey, Answer>();
  readonly #guesses = new Map<PairKey, Guess>();
  /**
   * Counts the cgroups that came and went. Who was used before whom matters only then, so a cgroup is marked as used once
   * in a generation and not by every event.
   */
  #generation = 0;
  #reads = 0;
  #readsSinceNs: bigint | null = null;
  #fallbacks = 0;
  #unknown = 0;
  #evicted = 0;
  #claimed = 0;
  #truncated = 0;
  readonly #roots: CgroupRoots;

  constructor(options: CgroupRegistryOptions) {
    this.#readProcCgroup = options.readProcCgroup;
    this.#maxEntries = Math.max(1, options.maxEntries ?? DEFAULT_MAX_ENTRIES);
    this.#ownCgroupNamespace = options.ownCgroupNamespace ?? false;
    this.#ownPod = options.ownPod ?? null;
    this.#roots = new CgroupRoots(options.roots);
    for (const path of pathsOf(options.ownCgroup ?? ''))
      if (this.#ownPod?.isPlaceOf(path) === true) for (const root of rootsAround(path)) this.#roots.add(root);
  }

  counts(): CgroupRegistryCounts {
    return {
      known: this.#v2.size + this.#v1.size,
      fallbacks: this.#fallbacks,
      unknown: this.#unknown,
      evicted: this.#evicted,
      claimed: this.#claimed,
      truncated: this.#truncated,
    };
  }

  /**
   * Remembers the name of a cgroup. An id that comes with another path is another cgroup by now. Returns what
   * the path says when that is new, else null. A cgroup that was removed is kept for the exits that are told late, and
   * makes room before all that live.
   */
  learn(record: CgroupRecord): Identity | null {
    // In events 0 stands for "unknown".
    if (record.cgroupId === 0) return null;
    if (record.removed) {
      const known = (record.hierarchyId === 0 ? this.#v2 : this.#v1).get(record.cgroupId);
      if (known !== undefined) {
        this.#byUse.retire(known);
        this.#generation++;
      }
      return null;
    }
    const procfs = record.source === 'procfs';
    const { source, truncated } = record;
    const reading = this.#read(record.path, source, truncated);
    // An empty /proc/PID/cgroup is no answer: the process was gone.
    if (procfs && reading.path === '') return null;
    const hierarchy = procfs || record.hierarchyId === 0 ? this.#v2 : this.#v1;
    const identity = this.#identityOf(reading, source, truncated);

    const known = hierarchy.get(record.cgroupId);
    if (known !== undefined) {
      this.#byUse.touch(known);
      if (known.reading.path === reading.path && known.identity.provenance === identity.provenance)
        return null;
      this.#count(identity);
      this.#rename(known, reading, identity);
      known.source = source;
      known.truncated = truncated;
      return identity;
    }
    this.#count(identity);
    const added: Known = {
      hierarchy,
      id: record.cgroupId,
      reading,
      identity,
      source,
      truncated,
      answers: new Set(),
      newer: null,
      older: null,
    };
    hierarchy.set(added.id, added);
    this.#byUse.add(added);
    this.#generation++;
    if (this.#v2.size + this.#v1.size > this.#maxEntries) this.#evict(this.#byUse.oldest!);
    return identity;
  }

  /**
   * Takes the directories around the agent's own cgroup for roots: a node that is a container itself is no boundary for an
   * agent that runs in it. `own` is what `resolve` gave for the agent. True when that is new: then what was answered for
   * other cgroups may have changed.
   */
  trustAround(own: Identity): boolean {
    const places = [...this.#v2.values(), ...this.#v1.values()].filter(
      ({ identity, source, truncated }) => identity === own && source === 'ebpf' && !truncated,
    );
    const added = places
      .flatMap(({ reading }) => rootsAround(reading.path))
      .filter((root) => this.#roots.add(root));
    if (added.length === 0) return false;
    for (const known of [...this.#v2.values(), ...this.#v1.values()]) {
      const reading = this.#read(known.reading.path, known.source, known.truncated);
      if (known.source === 'ebpf')
        this.#rename(known, reading, this.#identityOf(reading, known.source, known.truncated));
    }
    return true;
  }

  #rename(known: Known, reading: CgroupReading, identity: Identity): void {
    for (const key of known.answers) this.#forget(key);
    known.reading = reading;
    known.identity = identity;
  }

  #count({ claim, provenance, truncated }: Identity): void {
    if (claim !== undefined || provenance === 'claimed') this.#claimed++;
    if (truncated) this.#truncated++;
  }

  /** Where an event's process runs. Never throws. */
  resolve(event: EventBase): Identity {
    const identity = this.#resolve(event);
    return this.#ownPod === null ? identity : this.#ownPod.place(identity);
  }

  #resolve(event: EventBase): Identity {
    const key = pairKey(event.cgroupId, event.cgroupV1Id);
    const answer = this.#answers.get(key);
    if (answer === undefined) return this.#settle(event, key);
    if (answer.usedIn !== this.#generation) this.#use(answer);
    return answer.identity;
  }

  #use(answer: Answer): void {
    answer.usedIn = this.#generation;
    this.#byUse.touch(answer.v2);
    if (answer.v1 !== null) this.#byUse.touch(answer.v1);
  }

  #settle(event: EventBase, key: PairKey): Identity {
    const v2 = this.#v2.get(event.cgroupId);
    const v1 = event.cgroupV1Id === 0 ? null : this.#v1.get(event.cgroupV1Id);
    if (v2 !== undefined) this.#byUse.touch(v2);
    if (v1) this.#byUse.touch(v1);

    const best = better(v2, v1);
    const named = best !== undefined && isBelieved(best.identity);
    if (best !== undefined && v2 !== undefined && v1 !== undefined) {
      // "No container" takes both to say so.
      if (named || (isCertain(v2.identity) && (v1 === null || isCertain(v1.identity)))) {
        this.#remember(key, { identity: best.identity, v2, v1, usedIn: this.#generation });
        return best.identity;
      }
    }
    // One of the two has no record yet, but the other one names a container or pod: good enough for now.
    if (named) return best.identity;

    const guess = this.#askProc(event, key);
    if (guess !== null) return guess;
    this.#unknown++;
    // Of a path whose root end is missing at least the rest is shown.
    const known = [v2, v1].find((one) => one?.truncated) ?? best;
    return known === undefined || isCertain(known.identity) ? UNKNOWN : known.identity;
  }

  /**
   * What /proc says of the event's process, read at most once per pair of cgroups and `RETRY_NS`, and for all of them
   * `MAX_READS` times a second.
   *
   * It says where the process is now, not where it was at the event: meanwhile it may have been moved
   * (runtimes fork in their own cgroup and move the child), or be gone and its pid taken by another
   * process. So the text is no record: it never enters the maps, a record overrides it at once, and it
   * holds for the process that was asked only. It is taken to be the cgroup's own name when a second
   * process of the same pair, a window later, is in the same path: two processes are not moved or
   * replaced alike. Others get `cgroup-unknown` until then, which is better than a wrong container.
   */
  #askProc(event: EventBase, key: PairKey): Identity | null {
    const last = this.#guesses.get(key);
    const sameProcess = last?.pid === event.pid && last.startNs === event.startNs;
    if (last !== undefined) {
      if (last.agreed) return last.identity;
      const sinceNs = event.ktimeNs - last.atNs;
      // Events of different CPUs come slightly out of order; a clock far behind is another recording.
      if (sinceNs < RETRY_NS && sinceNs > -RETRY_NS) return sameProcess ? last.identity : null;
    }

    if (!this.#takeRead(event.ktimeNs)) return null;
    this.#fallbacks++;
    const reading = this.#read(this.#readProcCgroup(event.pid) ?? '', 'procfs', false);
    const found = reading.path === '' ? null : this.#identityOf(reading, 'procfs', false);
    const identity = found !== null && isCertain(found) ? found : null;
    // Without any cgroup id the processes have nothing in common.
    const agreed =
      key !== 0 && !sameProcess && identity !== null && last?.identity?.cgroupPath === identity.cgroupPath;
    this.#guesses.delete(key);
    this.#guesses.set(key, {
      pid: event.pid,
      startNs: event.startNs,
      atNs: event.ktimeNs,
      identity: agreed ? last!.identity : identity,
      agreed,
    });
    if (this.#guesses.size > MAX_GUESSES) this.#guesses.delete(firstKey(this.#guesses)!);
    return this.#guesses.get(key)!.identity;
  }

  #takeRead(nowNs: bigint): boolean {
    const sinceNs = this.#readsSinceNs === null ? READS_NS : nowNs - this.#readsSinceNs;
    // A clock far behind is another recording.
    if (sinceNs >= READS_NS || sinceNs <= -READS_NS) {
      this.#readsSinceNs = nowNs;
      this.#reads = 0;
    }
    return this.#reads++ < MAX_READS;
  }

  #read(path: string, source: CgroupRecord['source'], truncated: boolean): CgroupReading {
    if (source === 'procfs') return readCgroupFile(path, this.#roots);
    const reading = readCgroupPath(path, this.#roots);
    return truncated ? cut(reading) : reading;
  }

  #identityOf(reading: CgroupReading, source: CgroupRecord['source'], truncated: boolean): Identity {
    // The missing root end says whose the names are, and could name a container of its own.
    if (truncated) return freeze(reading, 'cgroup-unknown', true);
    if (reading.byName) return freeze(reading, 'claimed');
    if (isNamed(reading.identity)) return freeze(reading, source === 'ebpf' ? 'kernel-cgroup' : 'procfs');
    // A path that does not lead out is in the agent's own.
    const own = this.#ownCgroupNamespace && source === 'procfs' && !reading.path.startsWith('/..');
    if (own) return freeze({ ...reading, identity: UNKNOWN }, 'cgroup-unknown');
    return freeze(reading, reading.identity.claim === undefined ? 'not-a-container' : 'claimed');
  }

  #remember(key: PairKey, answer: Answer): void {
    if (this.#answers.size >= this.#maxEntries) this.#forget(firstKey(this.#answers)!);
    this.#answers.set(key, answer);
    answer.v2.answers.add(key);
    answer.v1?.answers.add(key);
    this.#guesses.delete(key);
  }

  #forget(key: PairKey): void {
    const answer = this.#answers.get(key);
    this.#answers.delete(key);
    answer?.v2.answers.delete(key);
    answer?.v1?.answers.delete(key);
  }

  #evict(known: Known): void {
    for (const key of known.answers) this.#forget(key);
    known.hierarchy.delete(known.id);
    this.#byUse.remove(known);
    this.#evicted++;
  }
}

/** The paths in the content of a /proc/PID/cgroup. */
const pathsOf = (content: string): string[] =>
  content.split('\n').flatMap((line) => /^\d+:[^:]*:(\/.*)$/.exec(line)?.[1] ?? []);

/**
 * One key for both ids: exact as a number for ids that occur in practice (they count up from 1), a string
 * beyond. Negative, so that it is never the id of a v2 cgroup alone.
 */
function pairKey(v2Id: number, v1Id: number): PairKey {
  if (v1Id === 0) return v2Id;
  return v2Id < 0x8000000 && v1Id < 0x4000000 ? -(v2Id * 0x4000000 + v1Id) : `${v2Id}/${v1Id}`;
}

function better(v2: Known | undefined, v1: Known | null | undefined): Known | undefined {
  if (!v1) return v2;
  return v2 === undefined || v1.reading.rank > v2.reading.rank ? v1 : v2;
}

function isNamed(identity: { containerId: string | null; podUid: string | null }): boolean {
  return identity.containerId !== null || identity.podUid !== null;
}

/** Names a container or pod, in a place where nobody else makes such names. */
function isBelieved(identity: Identity): boolean {
  return isNamed(identity) && identity.provenance !== 'claimed';
}

function isCertain(identity: Identity): boolean {
  return identity.provenance !== 'cgroup-unknown';
}

function firstKey<K>(map: Map<K, unknown>): K | undefined {
  return map.keys().next().value;
}

/** Of a path whose root end is missing every name is a claim. */
function cut(reading: CgroupReading): CgroupReading {
  const { podUid, containerId, runtime, qos, claim } = reading.identity;
  const claimed = podUid === null && containerId === null ? claim : { podUid, containerId, runtime, qos };
  return {
    ...NOTHING,
    path: reading.path,
    identity: { ...NOTHING.identity, ...(claimed === undefined ? {} : { claim: claimed }) },
  };
}

function freeze(reading: CgroupReading, provenance: Identity['provenance'], truncated = false): Identity {
  const { containerId, podUid, runtime, qos, tags, unit, userUnit, claim } = reading.identity;
  return Object.freeze({
    containerId,
    podUid,
    runtime,
    qos,
    tags: Object.freeze([...tags]),
    unit,
    ...(userUnit === undefined ? {} : { userUnit }),
    ...(claim === undefined ? {} : { claim: Object.freeze({ ...claim }) }),
    cgroupPath: reading.path === '' ? null : readableText(reading.path),
    ...(truncated ? { truncated: true as const } : {}),
    provenance,
  });
}
