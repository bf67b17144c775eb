// How fast records become events and a process table, on one core, and what a large table costs.
import { Decoder, createMasker, type ProcessEvent } from '../src/decode/index.ts';
import { CgroupRegistry } from '../src/identity/index.ts';
import { ProcessTable, type ProcessTableOptions } from '../src/model/index.ts';
import { costNs, type Figure, type Measurement } from './measurement.ts';
import { CGROUP_ID, makeLives, type RecordBatch } from './records.ts';

const CHURN = 20_000;
const SIZES = [1000, 10_000, 100_000];

/** As the agent makes it without a configuration. */
export const makeDecoder = () =>
  new Decoder({ mask: createMasker({ enabled: true, extraArguments: [], extraPatterns: [] }) });

/** As the agent makes it without a configuration, at a time that stands still. */
export const makeTable = (options: Partial<ProcessTableOptions> = {}) =>
  new ProcessTable({
    bootId: '00000000-0000-0000-0000-000000000000',
    clocks: { boottimeNs: () => 0n, realtimeNs: () => 0n },
    retentionSeconds: 300,
    maxExited: 20_000,
    maxLive: 500_000,
    memoryBytes: 192 * 1024 * 1024,
    ...options,
  });

export function makePipeline() {
  const decoder = makeDecoder();
  const registry = new CgroupRegistry({ readProcCgroup: () => null });
  const pod = 'pod1399d9c7-c86f-4371-8568-07b3d32258a4';
  registry.learn({
    type: 'cgroup',
    source: 'ebpf',
    ktimeNs: 1n,
    hierarchyId: 0,
    cgroupId: CGROUP_ID,
    path: `/kubepods/burstable/${pod}/${'a1b2c3d4'.repeat(8)}`,
    removed: false,
    truncated: false,
    parentId: null,
  });
  const table = makeTable();
  const apply = ({ memory, offsets, lengths }: RecordBatch) => {
    for (let index = 0; index < offsets.length; index++) {
      const event = decoder.decode(memory, offsets[index]!, lengths[index]!) as ProcessEvent;
      table.apply(event, registry.resolve(event));
    }
  };
  const decode = ({ memory, offsets, lengths }: RecordBatch) => {
    let last: unknown;
    for (let index = 0; index < offsets.length; index++)
      last = decoder.decode(memory, offsets[index]!, lengths[index]!);
    return last;
  };
  return { table, apply, decode };
}

export const pipeline: Measurement = {
  name: 'pipeline',
  how: 'fork, exec (4 arguments) and exit records made in memory, in equal parts, decoded and applied in one process; every exec is of the same command, whose decoded arguments are kept (a command that was not seen lately is split and searched anew, at about a third of the speed); CPU time of all its threads ÷ records. "Live processes" is the size of the table while as many others come and go.',
  async run({ quick, say }) {
    const rounds = quick ? 3 : 11;
    const figures: Figure[] = [];
    const decoding = makePipeline();
    const lives = makeLives(CHURN, 1_000_000, 1_000_000n, true);
    const isExec = (_: unknown, index: number) => index % 3 === 1;
    const pick = (keep: (_: unknown, index: number) => boolean): RecordBatch => ({
      memory: lives.memory,
      offsets: lives.offsets.filter(keep),
      lengths: lives.lengths.filter(keep),
    });
    for (const [name, batch] of [
      ['fork and exit records', pick((_, index) => !isExec(_, index))],
      ['exec records with 4 arguments, secrets looked for', pick(isExec)],
      ['all three in equal parts', lives],
    ] as const) {
      const samples: number[] = [];
      for (let round = 0; round < rounds + 5; round++) {
        const ns = costNs(batch.offsets.length, () => decoding.decode(batch));
        if (round >= 5) samples.push(1000 / ns);
      }
      say(`decode, ${name}: ${samples.at(-1)!.toFixed(2)} M records/s`);
      figures.push({
        name: `decode ceiling, one core, ${name}`,
        unit: 'M records/s',
        samples,
        target: { atLeast: 3 },
      });
    }
    const bySize = new Map<number, number[]>();
    for (const size of SIZES) {
      const { table, apply } = makePipeline();
      apply(makeLives(size, 10_000_000, 10n ** 15n, false));
      if (table.runningCount !== size) throw new Error(`${table.runningCount} of ${size} processes are kept`);
      const samples: number[] = [];
      for (let round = 0; round < rounds + 3; round++) {
        const batch = makeLives(CHURN, 1_000_000, BigInt(round + 1) * 10n ** 12n, true);
        const ns = costNs(batch.offsets.length, () => apply(batch));
        if (round >= 3) samples.push(ns);
      }
      bySize.set(size, samples);
      say(`${size} live processes: ${samples.at(-1)!.toFixed(0)} ns per event`);
      figures.push({ name: `decode, identity and model, ${size} live processes`, unit: 'ns/event', samples });
    }
    const [smallest, , largest] = SIZES;
    figures.push({
      name: `${largest} live processes ÷ ${smallest}`,
      unit: '×',
      samples: bySize.get(largest!)!.map((ns, round) => ns / bySize.get(smallest!)![round]!),
      target: { atMost: 1.25 },
    });
    return figures;
  },
};
