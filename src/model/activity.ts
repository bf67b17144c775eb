// What each pod, container and host service did since the agent started: forks, execs and exits.
//
// Counting happens once an event, so it is a look-up by the identity object (one per cgroup) and some additions.
// Everything else, such as who is alive and what is resident, is found out when somebody asks.
import type { ProcessEvent } from '../decode/index.ts';
import type { Identity } from '../identity/index.ts';
import { SecondCounts } from './second-counts.ts';

export type PlaceKind = 'pod' | 'container' | 'unit' | 'host' | 'kernel' | 'unknown' | 'other';

/** Length of the window of rates, in seconds. */
export const RATE_SECONDS = 10;
/** Length of the node's history, in seconds. */
export const HISTORY_SECONDS = 300;
/** A process that lived shorter is short-lived. */
const SHORT_LIFE_NS = 1_000_000_000n;
/** A place without a live process is forgotten so long after its last event. */
const RETENTION_SECONDS = 300;
/** When it is full, it looks for places to forget at most so often. */
const SWEEP_SECONDS = 10;

/** The last process that ended in a certain way. */
export interface LastEnd {
  pid: number;
  startNs: bigint;
  /** Of its end. */
  ktimeNs: bigint;
}

/** Counts since the agent started. */
export class ActivityCounts {
  forks = 0;
  execs = 0;
  exits = 0;
  /** Exits with a code other than 0. */
  failed = 0;
  /** Exits by a signal. */
  killed = 0;
  /** Exits of processes that lived less than a second. */
  shortLived = 0;
  /** CPU time of the processes that ended here, exactly, in nanoseconds. */
  endedCpuNs = 0;
  /** How often processes ended with an exit code (0 to 255), or by signal N (256 + N). */
  readonly causes = new Map<number, number>();
  /** By cause, but for exit code 0. */
  readonly lastEnds = new Map<number, LastEnd>();
  readonly #windows: Record<'fork' | 'exec' | 'exit', SecondCounts>;

  constructor(windowSeconds: number) {
    const window = () => new SecondCounts(windowSeconds + 1);
    this.#windows = { fork: window(), exec: window(), exit: window() };
  }

  note(event: ProcessEvent, second: number): void {
    this.#windows[event.type].add(second);
    if (event.type === 'fork') this.forks++;
    else if (event.type === 'exec') this.execs++;
    else {
      this.exits++;
      this.endedCpuNs += event.cpuNs;
      if (event.ktimeNs - event.startNs < SHORT_LIFE_NS) this.shortLived++;
      if (event.exitSignal !== null) this.killed++;
      else if (event.exitCode !== 0) this.failed++;
      const cause = event.exitSignal === null ? (event.exitCode ?? 0) & 255 : 256 + event.exitSignal;
      this.causes.set(cause, (this.causes.get(cause) ?? 0) + 1);
      if (cause !== 0) this.#noteEnd(cause, event);
    }
  }

  #noteEnd(cause: number, { pid, startNs, ktimeNs }: LastEnd): void {
    const last = this.lastEnds.get(cause);
    if (last === undefined) this.lastEnds.set(cause, { pid, startNs, ktimeNs });
    else {
      last.pid = pid;
      last.startNs = startNs;
      last.ktimeNs = ktimeNs;
    }
  }

  /** Per second, over the last RATE_SECONDS. */
  rate(type: 'fork' | 'exec' | 'exit', second: number): number {
    return this.#windows[type].rate(second, RATE_SECONDS);
  }

  /** Per second of the window, oldest first, without the second under way. */
  history(type: 'fork' | 'exec' | 'exit', second: number): number[] {
    return this.#windows[type].before(second);
  }
}

/** A place and its counts. */
export class Place {
  readonly kind: PlaceKind;
  /** Of the first process seen there; names are looked up with it. Null for what is no single cgroup. */
  readonly identity: Identity | null;
  readonly counts = new ActivityCounts(RATE_SECONDS);
  /** Of the last event, or of the first look. */
  lastSecond: number;
  /** No longer in the list: what happens there later is a new place. */
  retired = false;

  constructor(kind: PlaceKind, identity: Identity | null, second: number) {
    this.lastSecond = second;
    this.kind = kind;
    this.identity = identity;
  }
}

/** Who is alive, for the sweep. */
export interface LiveProcesses {
  running(): Iterable<{ readonly identity: Identity; readonly kernelThread: boolean }>;
}

export interface PlaceActivityOptions {
  readonly live: LiveProcesses;
  /** Places beyond are counted together, in `other`: so many units, and so many that are none. */
  readonly maxPlaces: number;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Told of each place that is forgotten, after its last event. */
  readonly onRetire?: (place: Place) => void;
}

export class PlaceActivity {
  readonly node = new ActivityCounts(HISTORY_SECONDS);
  readonly #options: PlaceActivityOptions;
  readonly #places = new Map<string, Place>();
  /** Of these, units: whoever makes many of them leaves pods their room. */
  #units = 0;
  readonly #byIdentity = new WeakMap<Identity, Place>();
  readonly #kernel = new Place('kernel', null, 0);
  readonly #other = new Place('other', null, 0);
  #second = 0;
  #sweptAt = -SWEEP_SECONDS;
  #overflow = 0;

  constructor(options: PlaceActivityOptions) {
    this.#options = options;
    this.tick();
  }

  /** Events that were counted in `other` because there was no room. */
  get overflow(): number {
    return this.#overflow;
  }

  /** The second under way, of a clock that begins anywhere. To be called at least once a batch of events. */
  tick(): number {
    this.#second = Math.floor(this.#options.nowMs() / 1000);
    return this.#second;
  }

  note(event: ProcessEvent, identity: Identity): void {
    this.node.note(event, this.#second);
    const place = this.placeOf(identity, event.kernelThread);
    place.lastSecond = this.#second;
    place.counts.note(event, this.#second);
    if (place === this.#other) this.#overflow++;
  }

  /** All places, after forgetting those that are long over. */
  places(): Place[] {
    this.tick();
    this.#sweep();
    return [...this.#places.values(), this.#kernel, this.#other];
  }

  /** Where what a process does is counted. */
  placeOf(identity: Identity, kernelThread: boolean): Place {
    if (kernelThread) return this.#kernel;
    const known = this.#byIdentity.get(identity);
    if (known !== undefined && !known.retired) return known;
    const key = placeKey(identity);
    let place = this.#places.get(key);
    if (place === undefined) {
      const kind = placeKind(identity);
      if (!this.#hasRoom(kind)) return this.#other;
      place = new Place(kind, identity, this.#second);
      this.#places.set(key, place);
      if (kind === 'unit') this.#units++;
    }
    this.#byIdentity.set(identity, place);
    return place;
  }

  #hasRoom(kind: PlaceKind): boolean {
    const used = () => (kind === 'unit' ? this.#units : this.#places.size - this.#units);
    if (used() < this.#options.maxPlaces) return true;
    if (this.#second - this.#sweptAt >= SWEEP_SECONDS) this.#sweep();
    return used() < this.#options.maxPlaces;
  }

  #sweep(): void {
    this.#sweptAt = this.#second;
    const over = [...this.#places].filter(([, place]) => this.#second - place.lastSecond > RETENTION_SECONDS);
    if (over.length === 0) return;
    const alive = new Set<string>();
    for (const { identity, kernelThread } of this.#options.live.running()) {
      if (!kernelThread) alive.add(placeKey(identity));
    }
    for (const [key, place] of over) {
      if (alive.has(key)) continue;
      this.#places.delete(key);
      if (place.kind === 'unit') this.#units--;
      place.retired = true;
      this.#options.onRetire?.(place);
    }
  }
}

/** Two processes are in the same place exactly when their keys are equal. */
export function placeKey(identity: Identity): string {
  const kind = placeKind(identity);
  // What a name claims makes no place of its own, and is not counted in the container that it names.
  if (identity.provenance === 'claimed') return `${kind}:${identity.unit ?? ''}`;
  return `${kind}:${identity.podUid ?? identity.containerId ?? identity.unit ?? ''}`;
}

function placeKind(identity: Identity): PlaceKind {
  if (identity.provenance === 'claimed') return identity.unit === null ? 'host' : 'unit';
  if (identity.podUid !== null) return 'pod';
  if (identity.containerId !== null) return 'container';
  if (identity.unit !== null) return 'unit';
  return identity.provenance === 'not-a-container' ? 'host' : 'unknown';
}
