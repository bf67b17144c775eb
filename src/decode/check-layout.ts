// Compares the records of a BPF object with those the decoder was generated for.
import type { CounterLayout, ObjectTypes } from '../kernel/index.ts';
import { byKind, COUNTED_KINDS, type CountedKind } from '../lib/counted-kinds.ts';
import { CognitodError } from '../lib/errors.ts';
import * as L from './generated/layout.ts';

/** Throws LAYOUT_MISMATCH, naming the first field that differs. */
export function checkLayout(object: string, types: ObjectTypes): void {
  for (const name of L.STRUCTS[object] ?? []) {
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

const startOf = (kind: CountedKind): number => L.EVENT_COUNTERS_OF + L.COUNTED_SIZE * L.COUNTED_RECORDS[kind];

/** Where the counters stand, for readCounters. */
export const COUNTER_LAYOUT: CounterLayout = {
  sizeBytes: L.EVENT_COUNTERS_SIZE,
  kinds: byKind((kind) => ({
    happened: startOf(kind) + L.COUNTED_HAPPENED,
    lost: startOf(kind) + L.COUNTED_LOST,
  })),
  cgroupsLost: [
    ...COUNTED_KINDS.map((kind) => startOf(kind) + L.COUNTED_CGROUPS_LOST),
    L.EVENT_COUNTERS_CGROUPS_LOST_BY_MKDIR,
    L.EVENT_COUNTERS_CGROUPS_LOST_BY_RMDIR,
  ],
};
