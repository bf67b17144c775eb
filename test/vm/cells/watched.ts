// Runs workloads under the programs and a model of the node, and says what of them was seen.
import { observe } from '../../support/observe.ts';
import type { DecodedRecord, ProcessEvent } from '../../../src/decode/index.ts';
import type { LoadOptions } from '../../../src/kernel/index.ts';
import { boottimeNs, realtimeNs } from '../../../src/os/index.ts';
import { ProcessTable } from '../../../src/model/index.ts';
import { buildWorkload, startWorkload, type WorkloadReport } from '../../workload/index.ts';
import { UNKNOWN } from '../../../src/identity/cgroup-registry.fixture.ts';

export interface Watched {
  readonly made: Counts;
  /** Of the workloads' own processes and theirs. */
  readonly seen: Counts;
  /** Processes of which nothing was told but their fork, and that forked none. */
  readonly silent: number;
  /** Told more than once. */
  readonly twice: number;
  /** By the numbers of execs and the processes that are gone. */
  readonly missing: Pick<Counts, 'execs' | 'exits'>;
  readonly lost: Counts;
  readonly seconds: number;
}

export interface Counts {
  readonly forks: number;
  readonly execs: number;
  readonly exits: number;
}

/** Groups run one after the other, the workloads of a group at one time. */
export async function watch(
  options: Partial<LoadOptions>,
  groups: readonly (readonly (readonly string[])[])[],
): Promise<Watched> {
  buildWorkload();
  const table = new ProcessTable({
    bootId: '00000000-0000-0000-0000-000000000000',
    clocks: { boottimeNs, realtimeNs },
    retentionSeconds: 3600,
    maxExited: 1000,
    maxLive: 100_000,
    memoryBytes: 500_000_000,
  });
  const tally = new Tally();
  const seen = await observe(options, {
    record(record: DecodedRecord) {
      if (record.type === 'snapshot') table.adopt(record, UNKNOWN);
      else if (record.type === 'move') table.move(record, UNKNOWN);
      else if (record.type !== 'cgroup') {
        table.apply(record, UNKNOWN);
        tally.count(record);
      }
    },
    batchEnd() {},
  });
  try {
    const reports: WorkloadReport[] = [];
    const start = performance.now();
    for (const group of groups) {
      const workloads = group.map(([mode, ...args]) => startWorkload(mode!, ...args));
      for (const { pid } of workloads) tally.follow(pid);
      reports.push(...(await Promise.all(workloads.map((workload) => workload.finish()))));
    }
    const seconds = Math.round((performance.now() - start) / 1000);
    for (let pass = 0; pass < 2; pass++) {
      const takenNs = boottimeNs();
      const snapshots = seen.collector.snapshot();
      seen.collector.drain();
      table.heal(snapshots, takenNs, () => UNKNOWN);
    }
    const counts = seen.collector.counts();
    const sum = (key: keyof Counts) => reports.reduce((total, report) => total + report[key], 0);
    return {
      // Each workload's own fork, exec and exit are in no count of its own.
      made: { forks: sum('forks'), execs: sum('execs'), exits: sum('exits') },
      seen: tally.seen,
      silent: tally.silent,
      twice: tally.twice,
      missing: { execs: table.ledger.execsMissing, exits: table.ledger.exitsMissing },
      lost: { forks: counts.fork.lost, execs: counts.exec.lost, exits: counts.exit.lost },
      seconds,
    };
  } finally {
    await seen.close();
  }
}

/** Counts the events of some processes' descendants as they come: a fork always comes before what its child does. */
class Tally {
  /** Workloads whose own fork has not come yet. */
  readonly #awaited = new Set<number>();
  readonly #known = new Map<string, { own: boolean; forks: number; execs: number; exits: number }>();
  readonly seen = { forks: 0, execs: 0, exits: 0 };
  twice = 0;

  get silent(): number {
    return [...this.#known.values()].filter(
      ({ own, forks, execs, exits }) => !own && forks + execs + exits === 0,
    ).length;
  }

  follow(pid: number): void {
    this.#awaited.add(pid);
  }

  count(event: ProcessEvent): void {
    const key = `${event.pid}:${event.startNs}`;
    if (event.type === 'fork') {
      const own = event.forkerPid === process.pid && this.#awaited.delete(event.pid);
      const forker = this.#known.get(`${event.forkerPid}:${event.forkerStartNs}`);
      if (forker !== undefined) forker.forks++;
      else if (!own) return;
      this.#known.set(key, { own, forks: 0, execs: 0, exits: 0 });
      if (!own) this.seen.forks++;
      return;
    }
    const known = this.#known.get(key);
    if (known === undefined || known.own) return;
    if (event.type === 'exec') {
      this.seen.execs++;
      known.execs++;
    } else if (known.exits++ === 0) this.seen.exits++;
    else this.twice++;
  }
}
