// Debian 12's own kernel, which is what the README names: the short form of `make vm`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotBoot } from './availability.ts';
import { CELLS } from './cells.ts';
import { GUESTS } from './guests.ts';
import { runCells } from './run-cells.ts';
import { growth } from './verified.ts';

const KERNEL = '6.1';
const SHORT = ['load', 'exits', 'exact', 'privileges'];
const ENVIRONMENT = { VM_ROUNDS: '50' };

const skip = cannotBoot(KERNEL) ?? false;

test(`on Linux ${KERNEL} the programs load, tell exactly what happens, and need BPF and PERFMON alone`, {
  skip,
  timeout: 1_200_000,
}, async (t) => {
  const guest = GUESTS.find(({ name }) => name === KERNEL)!;
  const cells = CELLS.filter(({ name }) => SHORT.includes(name));
  const run = await runCells(guest, cells, { environment: ENVIRONMENT });
  assert.equal(run.status, 0, `${run.log}\n${run.console}`);
  for (const cell of cells) {
    const finding = run.findings.get(cell);
    assert.ok(finding !== undefined, `${cell.name} came to no end:\n${run.log}`);
    assert.ok(finding.ok, `${cell.name}: ${finding.text} ${JSON.stringify(finding.figures)}`);
    for (const word of growth({ guest: KERNEL, cell: cell.name, ...finding }))
      t.diagnostic(`warning: ${word}`);
  }
});
