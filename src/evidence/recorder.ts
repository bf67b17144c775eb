// Makes the records: at the start, at the end of each day (UTC), when what the agent holds or its configuration changes,
// when the file of the records was touched by somebody else, when the wall clock was set, and at the stop. In between it notes
// when events went missing.
//
// Times of records are those of the wall clock, which may be set to anything. So a record ends where the clock was set, and
// the next begins with the new time: no record claims a time that has not passed, and none ends before it begins.
import {
  columnOf,
  COUNTED_KINDS,
  type CountedKind,
  type CoverageJson,
  type EvidenceContent,
  type EvidenceRecord,
  type LedgerJson,
  MISSING_COLUMNS,
  type MissingColumn,
  type PrivilegesJson,
  SCHEMA_VERSION,
} from '../api/index.ts';
import { byKind } from '../lib/counted-kinds.ts';
import { lineOf } from '../lib/hash-chain.ts';
import { Tasks } from '../lib/tasks.ts';
import type { Chain } from './chain-file.ts';

type AccessEntry = EvidenceContent['access'][number];
type Connection = EvidenceContent['connections'][number];
type Gap = EvidenceContent['gaps'][number];

/** What the agent says of itself now; counts are since its start. */
export interface EvidenceSnapshot {
  readonly collector: 'ebpf' | 'procfs';
  readonly collectorReason: string;
  readonly programs: EvidenceContent['programs'];
  readonly privileges: PrivilegesJson;
  readonly configuration: EvidenceContent['configuration'];
  readonly ledger: LedgerJson;
  readonly access: readonly AccessEntry[];
  readonly accessOverflow: number;
  readonly egress: EvidenceContent['egress'];
  readonly connections: readonly Connection[];
  readonly connectionsOverflow: number;
  readonly cluster: EvidenceContent['cluster'];
}

export interface RecorderOptions {
  readonly chain: Chain;
  readonly node: string;
  readonly bootId: string;
  readonly version: string;
  readonly agentPid: number;
  /** When this run began to look. */
  readonly startedAt: Date;
  readonly snapshot: () => EvidenceSnapshot;
  readonly now: () => Date;
  /** Milliseconds of a clock that nobody sets and that goes on in suspend: CLOCK_BOOTTIME. */
  readonly elapsedMs: () => number;
  /** A record was added to the chain. */
  readonly sealed: (record: EvidenceRecord) => void;
  /** Told once of a record that cannot be written, until one was; it is tried again. And of each loss. */
  readonly warn: (text: string) => void;
  readonly tasks?: Tasks;
}

/** How the keeping of records goes, since the start of the agent. */
export interface RecorderHealth {
  readonly failedWrites: number;
  /** How often the file was gone, replaced or changed by somebody else. */
  readonly losses: number;
  /** Why records cannot be written now, or else what the last loss was. */
  readonly problem: string | null;
}

const TICK_MS = 10_000;
/** A difference between the clocks above this is no slewing: the wall clock was set. */
const CLOCK_SET_MS = 5_000;
/** Later losses of the same period are added to the last gap. */
const MAX_GAPS = 500;

export class EvidenceRecorder {
  readonly #options: RecorderOptions;
  readonly #stopLooking: () => void;
  /** What the records have told so far. */
  #base: Counts;
  /** What the last record says of programs, privileges and configuration. */
  #essence: string;
  #from: Date;
  #gaps: Gap[] = [];
  #problems: string[];
  /** At the last look, by the wall clock and by the one that nobody sets. */
  #lookedAt: Date;
  #lookedMs: number;
  /** The highest that the account had of what is missing. */
  readonly #missing: Record<MissingColumn, number> = { lost: 0, skipped: 0 };
  /** Why the last attempt failed to write a record, or to look at the file. */
  readonly #failures: { write: string | null; look: string | null } = { write: null, look: null };
  #loss: string | null = null;
  #failedWrites = 0;
  #losses = 0;

  /** Makes the first record of this run. Throws EVIDENCE_UNWRITABLE. */
  constructor(options: RecorderOptions) {
    this.#options = options;
    const { chain, now, snapshot } = options;
    const [first, at] = [snapshot(), now()];
    this.#base = NOTHING;
    this.#essence = essenceOf(first);
    this.#from = earlier(options.startedAt, at);
    this.#lookedAt = this.#from;
    this.#lookedMs = options.elapsedMs();
    this.#problems = [...chain.problems];
    const last = chain.records.at(-1);
    if (last !== undefined) this.#noteAbsence(last);
    this.#noteMissing(first.ledger, at);
    this.#lookedAt = at;
    this.#seal('start', at, first);
    const { tasks = new Tasks() } = options;
    this.#stopLooking = tasks.every('keeping evidence', TICK_MS, () => this.look(), { unref: true });
  }

  /** Notes losses, and closes a record when a day is over or something changed. */
  look(): void {
    const snapshot = this.#options.snapshot();
    const now = this.#followClock(snapshot);
    this.#noteMissing(snapshot.ledger, now);
    this.#lookedAt = now;
    const isTouched = this.#inspect();
    if (isTouched === null) return;
    const day = startOfDay(now);
    if (day > this.#from) this.#close('day', day, snapshot);
    if (isTouched || essenceOf(snapshot) !== this.#essence) this.#close('change', now, snapshot);
  }

  /** The record under way. */
  current(): EvidenceContent {
    return this.#content('day', later(this.#from, this.#options.now()), this.#options.snapshot());
  }

  health(): RecorderHealth {
    return {
      failedWrites: this.#failedWrites,
      losses: this.#losses,
      problem: this.#failures.write ?? this.#failures.look ?? this.#loss,
    };
  }

  /** Makes the last record. Idempotent. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#stopLooking();
    const snapshot = this.#options.snapshot();
    const now = this.#followClock(snapshot);
    this.#noteMissing(snapshot.ledger, now);
    if (this.#inspect() !== null) this.#close('stop', now, snapshot);
    this.#options.chain.close();
  }

  #stopped = false;

  /** The time between the last record of another run and this one. Without a last record nobody knows how long it went on. */
  #noteAbsence(last: EvidenceRecord): void {
    const [from, to] = [last.to, this.#from.toISOString()];
    const reason = last.reason === 'stop' ? 'not-running' : 'not-recorded';
    const isBefore = Date.parse(from) <= this.#from.getTime();
    this.#gaps.push({ from: isBefore ? from : to, to, reason, events: null });
    if (!isBefore)
      this.#problems.push(`the record before ends at ${from}, after this run began: the clock was set back`);
  }

  /**
   * The time of a look. When the wall clock was set since the last one, the record ends at the time that it would be without
   * that, and the next begins at the time that it is.
   */
  #followClock(snapshot: EvidenceSnapshot): Date {
    const { now, elapsedMs } = this.#options;
    const [read, readMs] = [now(), elapsedMs()];
    const unset = new Date(this.#lookedAt.getTime() + Math.max(0, readMs - this.#lookedMs));
    this.#lookedMs = readMs;
    if (Math.abs(read.getTime() - unset.getTime()) <= CLOCK_SET_MS)
      return later(this.#from, later(this.#lookedAt, read));
    this.#noteMissing(snapshot.ledger, unset);
    this.#problems.push(
      `the clock was set from ${unset.toISOString()} to ${read.toISOString()}: the record that began at ${this.#from.toISOString()} ends before that`,
    );
    if (this.#inspect() !== null) this.#close('change', unset, snapshot);
    // Also when it could not be written: its counts are then in the next one, which its problems tell.
    this.#from = read;
    this.#lookedAt = read;
    return read;
  }

  /** Whether somebody has touched the file. Null when it cannot be put right now: nothing may be written then. */
  #inspect(): boolean | null {
    try {
      const loss = this.#options.chain.inspect();
      this.#failures.look = null;
      if (loss === null) return false;
      this.#losses++;
      this.#loss = loss;
      this.#problems.push(loss);
      this.#options.warn(loss);
      return true;
    } catch (error) {
      this.#fail('look', error);
      return null;
    }
  }

  #noteMissing(ledger: LedgerJson, now: Date): void {
    const [from, to] = [this.#lookedAt.toISOString(), now.toISOString()];
    for (const reason of MISSING_COLUMNS) {
      const events = columnOf(ledger, reason) - this.#missing[reason];
      if (events <= 0) continue;
      this.#missing[reason] += events;
      const index = this.#gaps.findLastIndex((gap) => gap.reason === reason);
      const last = this.#gaps[index];
      const continues = last !== undefined && (last.to === from || this.#gaps.length >= MAX_GAPS);
      if (!continues) this.#gaps.push({ from, to, reason, events });
      else this.#gaps[index] = { ...last, to, events: (last.events ?? 0) + events };
    }
  }

  #close(reason: EvidenceContent['reason'], to: Date, snapshot: EvidenceSnapshot): void {
    try {
      this.#seal(reason, to, snapshot);
      this.#failures.write = null;
    } catch (error) {
      this.#fail('write', error);
    }
  }

  #fail(what: 'write' | 'look', error: unknown): void {
    const text = (error as Error).message;
    if (this.#failures[what] === null) this.#options.warn(`${text}; it is tried again`);
    this.#failures[what] = text;
    this.#failedWrites++;
  }

  #seal(reason: EvidenceContent['reason'], to: Date, snapshot: EvidenceSnapshot): void {
    const record = this.#options.chain.append(this.#content(reason, to, snapshot));
    this.#base = { ...snapshot, ledger: highestOf(this.#base.ledger, snapshot.ledger) };
    this.#essence = essenceOf(snapshot);
    this.#from = to;
    this.#gaps = [];
    this.#problems = [];
    this.#options.sealed(record);
  }

  #content(reason: EvidenceContent['reason'], to: Date, snapshot: EvidenceSnapshot): EvidenceContent {
    const { node, bootId, version, agentPid } = this.#options;
    const base = this.#base;
    const coverage = (kind: CountedKind): Required<CoverageJson> => {
      const since = (column: CountedColumn) =>
        Math.max(0, snapshot.ledger[kind][column] - base.ledger[kind][column]);
      return {
        happened: since('kernel'),
        seen: since('decoded'),
        lost: since('lost'),
        skipped: since('skipped'),
      };
    };
    const { containers } = snapshot.ledger;
    return {
      schema_version: SCHEMA_VERSION,
      reason,
      from: this.#from.toISOString(),
      to: to.toISOString(),
      node,
      boot_id: bootId,
      version,
      agent_pid: agentPid,
      collector: snapshot.collector,
      collector_reason: snapshot.collectorReason,
      programs: snapshot.programs,
      privileges: snapshot.privileges,
      configuration: snapshot.configuration,
      coverage: byKind(coverage),
      containers: {
        events: containers.seen - base.ledger.containers.seen,
        attributed: containers.attributed - base.ledger.containers.attributed,
      },
      gaps: [...this.#gaps],
      access: since(base.access, snapshot.access, kindOf),
      access_overflow: snapshot.accessOverflow - base.accessOverflow,
      egress: snapshot.egress,
      connections: since(base.connections, snapshot.connections, ({ to }) => to),
      connections_overflow: snapshot.connectionsOverflow - base.connectionsOverflow,
      cluster: snapshot.cluster,
      // Rules come with detection; the format is ready for what they will say.
      insights: [],
      problems: [...this.#problems],
    };
  }
}

const COUNTED_COLUMNS = ['kernel', 'decoded', ...MISSING_COLUMNS] as const;
type CountedColumn = (typeof COUNTED_COLUMNS)[number];
type Counted = Readonly<Record<CountedColumn, number>>;

/** What records are the difference of. */
interface Counts {
  readonly ledger: { readonly [kind in CountedKind]: Counted } & {
    readonly containers: Pick<LedgerJson['containers'], 'seen' | 'attributed'>;
  };
  readonly access: readonly AccessEntry[];
  readonly accessOverflow: number;
  readonly connections: readonly Connection[];
  readonly connectionsOverflow: number;
}

const NO_EVENTS: Counted = { kernel: 0, decoded: 0, lost: 0, skipped: 0 };
/** Before the first record of a run: what happened until then is in it, so that the records of a run make its ledger. */
const NOTHING: Counts = {
  ledger: {
    ...byKind(() => NO_EVENTS),
    containers: { seen: 0, attributed: 0 },
  },
  access: [],
  accessOverflow: 0,
  connections: [],
  connectionsOverflow: 0,
};

/**
 * The account takes back what it had counted as skipped when that is told after all. A record cannot: it is sealed. So what
 * records have told stays told, and the next event of its kind that is skipped is not told again.
 */
function highestOf(before: Counts['ledger'], now: LedgerJson): Counts['ledger'] {
  const rows = COUNTED_KINDS.map((kind) => [
    kind,
    Object.fromEntries(
      COUNTED_COLUMNS.map((column) => [column, Math.max(before[kind][column], now[kind][column])]),
    ),
  ]);
  return { ...now, ...(Object.fromEntries(rows) as Record<CountedKind, Counted>) };
}

const earlier = (a: Date, b: Date): Date => (a < b ? a : b);
const later = (a: Date, b: Date): Date => (a > b ? a : b);

const startOfDay = (now: Date): Date =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()));

/** A change of this makes a record; threads come and go. */
function essenceOf({ privileges, configuration, programs, collector, cluster }: EvidenceSnapshot): string {
  const { rights, objects } = cluster;
  return lineOf({
    privileges: { ...privileges, threads: 0 },
    configuration,
    programs,
    collector,
    rights,
    objects,
  });
}

const kindOf = ({ who, method, route, status }: AccessEntry) => `${who} ${method} ${route} ${status}`;

/** What of each was added. */
function since<Entry extends { readonly count: number }>(
  before: readonly Entry[],
  after: readonly Entry[],
  key: (entry: Entry) => string,
): Entry[] {
  const known = new Map(before.map((entry) => [key(entry), entry.count]));
  return after
    .map((entry) => ({ ...entry, count: entry.count - (known.get(key(entry)) ?? 0) }))
    .filter(({ count }) => count > 0);
}
