// Runs the eBPF collector for a test and keeps what it delivers.
import { execFileSync } from 'node:child_process';
import { type Collector, type CollectorSink, EbpfCollector } from '../../src/collect/index.ts';
import {
  type ArgvMasker,
  type CgroupRecord,
  checkLayout,
  type DecodedRecord,
  type ExecEvent,
  type ExitEvent,
  type ForkEvent,
  NOTHING_MASKED,
  type ProcessEvent,
  type ProcessMove,
  type ProcessSnapshot,
} from '../../src/decode/index.ts';
import { type LoadOptions, loadPrograms } from '../../src/kernel/index.ts';

export interface Observation {
  readonly collector: EbpfCollector;
  readonly events: ProcessEvent[];
  readonly snapshots: ProcessSnapshot[];
  readonly moves: ProcessMove[];
  readonly cgroups: CgroupRecord[];
  /** All records in the order of their delivery. */
  readonly records: DecodedRecord[];
  /** Errors of handlers: bugs. */
  readonly errors: unknown[];
  /** Drains the ring and returns the events of all descendants of a process, by identity, the process excluded. */
  descendantsOf(pid: number): Descendants;
  close(): Promise<void>;
}

export interface Descendants {
  readonly forks: ForkEvent[];
  readonly execs: ExecEvent[];
  readonly exits: ExitEvent[];
}

/** Why kernel tests cannot run here; false when they can. For the `skip` option of a test. */
export function cannotUseBpf(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  try {
    execFileSync('test', ['-r', '/sys/kernel/btf/vmlinux']);
  } catch {
    return 'the kernel has no BTF';
  }
  return false;
}

export async function observe(
  options: Partial<LoadOptions> = {},
  sink?: CollectorSink,
  mask: ArgvMasker = () => NOTHING_MASKED,
): Promise<Observation> {
  const programs = loadPrograms({
    hooks: process.env.TEST_HOOKS === 'raw_tp' ? 'raw_tp' : 'tp_btf',
    ringBytes: 8 * 1024 * 1024,
    argvBytes: 4096,
    btfPath: null,
    checkTypes: checkLayout,
    ...options,
  });
  const errors: unknown[] = [];
  const collector = new EbpfCollector(programs, {
    mask,
    onError: (error) => errors.push(error),
    procRoot: '/proc',
    listProcesses: () => [],
  });
  const records: DecodedRecord[] = [];
  const events: ProcessEvent[] = [];
  const snapshots: ProcessSnapshot[] = [];
  const moves: ProcessMove[] = [];
  const cgroups: CgroupRecord[] = [];
  const keep: CollectorSink = {
    record(record) {
      records.push(record);
      if (record.type === 'cgroup') cgroups.push(record);
      else if (record.type === 'snapshot') snapshots.push(record);
      else if (record.type === 'move') moves.push(record);
      else events.push(record);
    },
    batchEnd() {},
  };
  try {
    await collector.start(sink ?? keep);
  } catch (error) {
    await collector.close();
    throw error;
  }
  return {
    collector,
    events,
    snapshots,
    moves,
    cgroups,
    records,
    errors,
    descendantsOf(pid) {
      collector.drain();
      return descendants(events, pid);
    },
    close: () => collector.close(),
  };
}

const keyOf = (pid: number, startNs: bigint) => `${pid}:${startNs}`;

function descendants(events: readonly ProcessEvent[], pid: number): Descendants {
  const root = events.find((event) => event.type === 'fork' && event.pid === pid);
  const known = new Set<string>(root === undefined ? [] : [keyOf(root.pid, root.startNs)]);
  const found: { forks: ForkEvent[]; execs: ExecEvent[]; exits: ExitEvent[] } = {
    forks: [],
    execs: [],
    exits: [],
  };
  for (const event of events) {
    if (event === root) continue;
    if (event.type === 'fork') {
      if (!known.has(keyOf(event.forkerPid, event.forkerStartNs))) continue;
      known.add(keyOf(event.pid, event.startNs));
      found.forks.push(event);
    } else if (known.has(keyOf(event.pid, event.startNs)) && event.pid !== pid) {
      if (event.type === 'exec') found.execs.push(event);
      else found.exits.push(event);
    }
  }
  return found;
}

export type { Collector };
