// Compares the records of a BPF object with those the decoder was generated for.
import type { CounterLayout, ObjectTypes } from '../kernel/index.ts';
import { CognitodError } from '../lib/errors.ts';
import * as L from './generated/layout.ts';

const LIFECYCLE = [
  'fork_record',
  'exec_record',
  'exit_record',
  'move_record',
  'cgroup_record',
  'event_counters',
];

/** The structs that each object must have. */
const STRUCTS_OF_OBJECT: Readonly<Record<string, readonly string[]>> = {
  lifecycle: LIFECYCLE,
  'lifecycle-raw': LIFECYCLE,
  'lifecycle-preemptible': LIFECYCLE,
  'lifecycle-raw-preemptible': LIFECYCLE,
  snapshot: ['snapshot_record', 'cgroup_record'],
};

/** Throws LAYOUT_MISMATCH, naming the first field that differs. */
export function checkLayout(object: string, types: ObjectTypes): void {
  for (const name of STRUCTS_OF_OBJECT[object] ?? []) {
    const expected = L.LAYOUTS[name]!;
    const actual = types.struct(name);
    const fields = actual?.fields.map((field) => [field.name, field.offsetBytes, field.sizeBytes].join(' '));
    const wanted = expected.fields.map((field) => field.join(' '));
    const differs = wanted.findIndex((field, index) => fields?.[index] !== field);
    if (actual?.sizeBytes === expected.sizeBytes && differs === -1 && fields?.length === wanted.length)
      continue;
    throw new CognitodError(
      'LAYOUT_MISMATCH',
      `object ${object} and the decoder disagree about struct ${name}` +
        (differs === -1 ? '' : `: expected «${wanted[differs]}», found «${fields?.[differs] ?? 'nothing'}»`),
      { hint: 'the object file is of another version: run `make bpf`, or reinstall' },
    );
  }
}

/** Where the counters stand, for readCounters. */
export const COUNTER_LAYOUT: CounterLayout = {
  sizeBytes: L.EVENT_COUNTERS_SIZE,
  forks: L.EVENT_COUNTERS_FORKS,
  execs: L.EVENT_COUNTERS_EXECS,
  exits: L.EVENT_COUNTERS_EXITS,
  moves: L.EVENT_COUNTERS_MOVES,
  forksLost: L.EVENT_COUNTERS_FORKS_LOST,
  execsLost: L.EVENT_COUNTERS_EXECS_LOST,
  exitsLost: L.EVENT_COUNTERS_EXITS_LOST,
  movesLost: L.EVENT_COUNTERS_MOVES_LOST,
  cgroupsLost: [
    L.EVENT_COUNTERS_CGROUPS_LOST_BY_FORK,
    L.EVENT_COUNTERS_CGROUPS_LOST_BY_EXEC,
    L.EVENT_COUNTERS_CGROUPS_LOST_BY_EXIT,
    L.EVENT_COUNTERS_CGROUPS_LOST_BY_MOVE,
    L.EVENT_COUNTERS_CGROUPS_LOST_BY_MKDIR,
    L.EVENT_COUNTERS_CGROUPS_LOST_BY_RMDIR,
  ],
};
