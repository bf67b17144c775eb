// Finds out what a new container of a pod is called before anybody has told: the Kubernetes API gives a container's id seconds after
// it has started, when its first processes have long ended.
import type { Tasks } from '../../lib/tasks.ts';
import type { Identity } from '../identity.ts';
import { readMountedName } from './container-mounts.ts';

/** Takes what was found. Calls must not throw. */
export interface KnownContainers {
  /** Whether a source has named the container, or its name was inferred. */
  isNamed(containerId: string): boolean;
  /** `name` null: a sandbox. */
  infer(podUid: string, containerId: string, name: string | null): void;
}

export interface NameSearchOptions {
  readonly names: KnownContainers;
  /** The text of /proc/PID/mountinfo, null when it cannot be had. Must not throw. */
  readonly readMounts: (pid: number) => string | null;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  readonly tasks: Tasks;
}

/** How often the mounts of new containers are looked at: between `runc create` and `runc start` pass tens of milliseconds. */
const PERIOD_MS = 10;
/** A container whose mounts have not told by then is left to the sources. */
const GIVE_UP_MS = 2000;
/** Containers that are looked at, and reads in a turn: whoever makes pods, or cgroups in his own, decides how many are new. */
const MAX_CONTAINERS = 256;
const MAX_READS = 8;
/** Processes of one container that are looked at, newest first. */
const MAX_PIDS = 4;

interface Unnamed {
  readonly podUid: string;
  readonly sinceMs: number;
  /** Newest last. */
  readonly pids: number[];
}

/** Looks at the mounts of the processes of containers that have just been made. */
export class NameSearch {
  readonly #options: NameSearchOptions;
  /** By id, those that were looked at longest ago first. */
  readonly #unnamed = new Map<string, Unnamed>();
  #stop: (() => void) | null = null;

  constructor(options: NameSearchOptions) {
    this.#options = options;
  }

  /** A cgroup that is new. Only what the kernel names is looked for. */
  expect({ podUid, containerId, provenance }: Identity): void {
    if (podUid === null || containerId === null || provenance === 'claimed') return;
    if (this.#unnamed.has(containerId) || this.#unnamed.size >= MAX_CONTAINERS) return;
    const { names, nowMs, tasks } = this.#options;
    if (names.isNamed(containerId)) return;
    this.#unnamed.set(containerId, { podUid, sinceMs: nowMs(), pids: [] });
    this.#stop ??= tasks.every('inferring names', PERIOD_MS, () => this.#turn());
  }

  /** A process is in this place: whoever is looked for may be found by it. */
  note(pid: number, { containerId }: Identity): void {
    if (this.#unnamed.size === 0 || containerId === null) return;
    const unnamed = this.#unnamed.get(containerId);
    if (unnamed === undefined || unnamed.pids.includes(pid)) return;
    unnamed.pids.push(pid);
    if (unnamed.pids.length > MAX_PIDS) unnamed.pids.shift();
  }

  /** It ends by itself: with the name, or after two seconds. */
  isLookingFor({ containerId }: Identity): boolean {
    return containerId !== null && this.#unnamed.has(containerId);
  }

  close(): void {
    this.#unnamed.clear();
    this.#stop?.();
    this.#stop = null;
  }

  #turn(): void {
    const { names, nowMs } = this.#options;
    const now = nowMs();
    let reads = 0;
    for (const [id, unnamed] of [...this.#unnamed]) {
      if (reads >= MAX_READS) break;
      reads += unnamed.pids.length;
      this.#unnamed.delete(id);
      if (names.isNamed(id) || this.#find(id, unnamed) || now - unnamed.sinceMs >= GIVE_UP_MS) continue;
      this.#unnamed.set(id, unnamed);
    }
    if (this.#unnamed.size === 0) this.close();
  }

  /** True when the container was named. */
  #find(id: string, { podUid, pids }: Unnamed): boolean {
    for (const pid of pids.toReversed()) {
      const mounts = this.#options.readMounts(pid);
      const found = mounts === null ? null : readMountedName(mounts, podUid, id);
      if (found === null) continue;
      this.#options.names.infer(podUid, id, found.kind === 'sandbox' ? null : found.name);
      return true;
    }
    return false;
  }
}
