// The agent's self-test: on request it starts one harmless process, and looks whether its own events tell of it.
//
// idle:     nobody asked, or the last answer is older than a second: the next request starts a process
// running:  whoever asks meanwhile waits for the same answer
// fresh:    for a second after the start of a process its answer is given again, so that no client can start more
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { SCHEMA_VERSION, type SelfTestJson, type SelfTestPlaceJson } from '../api/index.ts';
import { type Identity, withPod } from '../identity/index.ts';
import type { AppliedEvent, EventBus, ModelView } from '../model/index.ts';

export interface SelfTestOptions {
  readonly bus: Pick<EventBus, 'subscribe'>;
  readonly model: Pick<ModelView, 'parentOf'>;
  /** Starts the process; may throw, or tell by `error`. */
  readonly start: (marker: string) => Pick<ChildProcess, 'pid' | 'once' | 'kill'>;
  /** Of the pid that `start` gives; null when nothing tells it. */
  readonly pidNamespace: number | null;
  readonly boottimeNs: () => bigint;
  /** Milliseconds of a clock that nobody sets. */
  readonly nowMs: () => number;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5_000;
/** At most one process is started in this time. */
const PAUSE_MS = 1_000;

/** Looks at /proc within the life of a process, so that none can miss it. */
const LOOKS = 10;
/** Leaves time to be told within the time that is waited in all. */
const MAX_LIFE_MS = 4_000;

/** How long the process must live to be seen: events tell also of one that is gone at once. */
export function selfTestLifeMs(collector: 'ebpf' | 'procfs', procfsIntervalMs: number): number {
  return collector === 'ebpf' ? 0 : Math.min(LOOKS * procfsIntervalMs, MAX_LIFE_MS);
}

/** What became of one process. */
interface Observed {
  readonly seen: Record<'fork' | 'exec' | 'exit', boolean>;
  delayMs: number | null;
  /** Of its last event: names may come late. */
  told: AppliedEvent | null;
  /** Why it could not be started, or not be waited for. */
  trouble: string | null;
}

export class AgentSelfTest {
  readonly #options: SelfTestOptions;
  #running: Promise<SelfTestJson> | undefined;
  #mayStartMs = 0;
  #last: SelfTestJson | null = null;
  #end: (why: string) => void = () => {};
  #stopped = false;

  constructor(options: SelfTestOptions) {
    this.#options = options;
  }

  /** Null until one has run. */
  get last(): SelfTestJson | null {
    return this.#last;
  }

  /** Never rejects: what goes wrong is the answer. */
  run(): Promise<SelfTestJson> {
    const nowMs = this.#options.nowMs();
    if (this.#running !== undefined && nowMs < this.#mayStartMs) return this.#running;
    this.#mayStartMs = Number.POSITIVE_INFINITY;
    this.#running = this.#run().finally(() => {
      this.#mayStartMs = nowMs + PAUSE_MS;
    });
    return this.#running;
  }

  /** Ends the one that runs, for the agent does. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#end('the agent ends');
  }

  async #run(): Promise<SelfTestJson> {
    const observed = await this.#observe();
    this.#last = this.#judge(observed);
    return this.#last;
  }

  async #observe(): Promise<Observed> {
    const observed: Observed = {
      seen: { fork: false, exec: false, exit: false },
      delayMs: null,
      told: null,
      trouble: this.#stopped ? 'the agent ends' : null,
    };
    if (observed.trouble !== null) return observed;
    const { bus, start, timeoutMs = TIMEOUT_MS } = this.#options;
    const { promise: over, resolve: finish } = Promise.withResolvers<void>();
    this.#end = (why) => {
      observed.trouble = why;
      finish();
    };
    let child: ReturnType<SelfTestOptions['start']> | undefined;
    const unsubscribe = bus.subscribe((batch) => {
      for (const applied of batch) if (this.#isOf(child?.pid, applied)) this.#note(applied, observed);
      if (observed.seen.exit) finish();
    });
    const timer = setTimeout(finish, timeoutMs);
    try {
      child = start(`cognitod-self-test-${randomUUID()}`);
      child.once('error', (error) => this.#end(`no process could be started: ${error.message}`));
      await over;
    } catch (error) {
      observed.trouble = `no process could be started: ${(error as Error).message}`;
    } finally {
      clearTimeout(timer);
      unsubscribe();
      this.#end = () => {};
      if (!observed.seen.exit) child?.kill('SIGKILL');
    }
    return observed;
  }

  #isOf(pid: number | undefined, { event }: AppliedEvent): boolean {
    const { pidNamespace } = this.#options;
    return (
      pid !== undefined && event.nsPid === pid && (pidNamespace === null || event.pidNs === pidNamespace)
    );
  }

  #note(applied: AppliedEvent, observed: Observed): void {
    const { event } = applied;
    observed.seen[event.type] = true;
    observed.told = applied;
    if (event.type !== 'exec') return;
    const delayNs = Number(this.#options.boottimeNs() - event.ktimeNs);
    observed.delayMs = Math.max(0, Math.round(delayNs / 1e3) / 1e3);
  }

  #judge({ seen, delayMs, told, trouble }: Observed): SelfTestJson {
    const agent = told?.process ? this.#options.model.parentOf(told.process) : undefined;
    const ownPlace = told === null || agent === undefined ? null : isSamePlace(told.identity, agent.identity);
    const missing = Object.entries(seen).flatMap(([type, isSeen]) => (isSeen ? [] : [type]));
    return {
      schema_version: SCHEMA_VERSION,
      time: new Date().toISOString(),
      ok: missing.length === 0 && ownPlace === true,
      seen: { ...seen },
      delay_ms: delayMs,
      place: told === null ? null : placeOf(told),
      own_place: ownPlace,
      reason: trouble ?? this.#reason(missing, delayMs, ownPlace),
    };
  }

  #reason(missing: readonly string[], delayMs: number | null, ownPlace: boolean | null): string {
    const { timeoutMs = TIMEOUT_MS } = this.#options;
    if (missing.length > 0)
      return `no ${missing.join(' and no ')} of a process of its own was told within ${timeoutMs / 1000} s`;
    const text = `fork, exec and exit of a process of its own were told, the exec after ${delayMs!.toFixed(1)} ms`;
    if (ownPlace === null) return `${text}, but where the agent itself runs is not known`;
    return ownPlace ? text : `${text}, but in another place than that of the agent`;
  }
}

const isSamePlace = (a: Identity, b: Identity) =>
  a.podUid === b.podUid && a.containerId === b.containerId && a.unit === b.unit;

function placeOf({ identity, metadata }: AppliedEvent): SelfTestPlaceJson {
  const { podUid, containerId, unit, provenance } = withPod(identity, metadata);
  const isInside = (podUid !== null || containerId !== null) && provenance !== 'claimed';
  const outside = provenance === 'cgroup-unknown' ? 'unknown' : 'host';
  const inside = podUid === null ? 'container' : 'pod';
  const names = isInside ? metadata : null;
  return {
    kind: isInside ? inside : outside,
    namespace: names?.namespace ?? null,
    pod_name: names?.podName ?? null,
    pod_uid: podUid,
    container_name: names?.containerName ?? null,
    container_id: containerId,
    unit,
    provenance,
  };
}
