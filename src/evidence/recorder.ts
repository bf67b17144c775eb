// Makes the records: at the start, at the end of each day (UTC), when what the agent holds or its configuration changes,
// and at the stop. In between it notes when events went missing.
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
import { lineOf } from '../lib/hash-chain.ts';
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
  /** A record was added to the chain. */
  readonly sealed: (record: EvidenceRecord) => void;
  /** A record could not be written; it is tried again. Told once until it succeeds. */
  readonly warn: (text: string) => void;
}

const TICK_MS = 10_000;
/** Later losses of the same period are added to the last gap. */
const MAX_GAPS = 500;

export class EvidenceRecorder {
  readonly #options: RecorderOptions;
  readonly #timer: NodeJS.Timeout;
  /** What the records have told so far. */
  #base: Counts;
  /** What the last record says of programs, privileges and configuration. */
  #essence: string;
  #from: Date;
  #gaps: Gap[] = [];
  #problems: string[];
  /** At the last look. */
  #lookedAt: Date;
  /** The highest that the account had of what is missing. */
  readonly #missing: Record<MissingColumn, number> = { lost: 0, skipped: 0 };
  #failing = false;

  /** Makes the first record of this run. Throws EVIDENCE_UNWRITABLE. */
  constructor(options: RecorderOptions) {
    this.#options = options;
    const { chain, now, snapshot } = options;
    const [first, at] = [snapshot(), now()];
    this.#base = NOTHING;
    this.#essence = essenceOf(first);
    this.#from = options.startedAt;
    this.#lookedAt = this.#from;
    this.#problems = [...chain.problems];
    const last = chain.records.at(-1);
    if (last !== undefined) {
      // Without a last record nobody knows how long it went on.
      const reason = last.reason === 'stop' ? 'not-running' : 'not-recorded';
      this.#gaps.push({ from: last.to, to: this.#from.toISOString(), reason, events: null });
    }
    this.#noteMissing(first.ledger, at);
    this.#lookedAt = at;
    this.#seal('start', at, first);
    this.#timer = setInterval(() => this.look(), TICK_MS);
    this.#timer.unref();
  }

  /** Notes losses, and closes a record when a day is over or something changed. */
  look(): void {
    const now = this.#options.now();
    const snapshot = this.#options.snapshot();
    this.#noteMissing(snapshot.ledger, now);
    const day = startOfDay(now);
    if (day > this.#from) this.#close('day', day, snapshot);
    if (essenceOf(snapshot) !== this.#essence) this.#close('change', now, snapshot);
    this.#lookedAt = now;
  }

  /** The record under way. */
  current(): EvidenceContent {
    return this.#content('day', this.#options.now(), this.#options.snapshot());
  }

  /** Makes the last record. Idempotent. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    const now = this.#options.now();
    const snapshot = this.#options.snapshot();
    this.#noteMissing(snapshot.ledger, now);
    this.#close('stop', now, snapshot);
    this.#options.chain.close();
  }

  #stopped = false;

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
      this.#failing = false;
    } catch (error) {
      const text = (error as Error).message;
      if (!this.#failing) this.#options.warn(`${text}; it is tried again`);
      this.#failing = true;
    }
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
      coverage: {
        fork: coverage('fork'),
        exec: coverage('exec'),
        exit: coverage('exit'),
        move: coverage('move'),
      },
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
    fork: NO_EVENTS,
    exec: NO_EVENTS,
    exit: NO_EVENTS,
    move: NO_EVENTS,
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
