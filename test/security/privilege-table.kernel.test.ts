import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { cannotRunContainerd } from '../e2e/containerd.ts';
import { COLUMNS, kernelVersion, makeTable, type Table, tableText } from './privilege-table.ts';

const PAGE = join(import.meta.dirname, '../../docs/security/privileges.md');
const [BEGIN, END] = ['<!-- table: made by make privilege-table -->', '<!-- end of table -->'];

describe('privileges in real containers', { skip: cannotRunContainerd() }, () => {
  let table: Table;
  before(async () => {
    table = await makeTable();
  });
  const result = (operation: string, column: string) => table.get(operation)?.get(column);
  const allowed = (operation: string) =>
    COLUMNS.map(({ name }) => name).filter((name) => result(operation, name) === 'ok');

  test('BPF and PERFMON together load and attach, each alone does not', () => {
    assert.deepEqual(allowed('attach it to a tracepoint'), [
      'privileged',
      'BPF, PERFMON',
      'BPF, PERFMON, no privilege escalation',
      'BPF, PERFMON, seccomp off',
      'BPF, PERFMON, SYS_PTRACE',
      'BPF, PERFMON, SETPCAP',
      'the same, file capabilities',
      'the same, no privilege escalation',
      'SYS_ADMIN',
    ]);
  });

  test('they do not give what an observer has no use for', () => {
    for (const operation of ['load a network filter', 'list the BPF programs of others'])
      assert.notEqual(result(operation, 'BPF, PERFMON'), 'ok', operation);
  });

  test('the executables of other containers need SYS_PTRACE, the rest needs nothing', () => {
    assert.deepEqual(allowed('read exe'), ['privileged', 'SYS_PTRACE', 'BPF, PERFMON, SYS_PTRACE']);
    for (const operation of ['read stat', 'read cmdline', 'read cgroup'])
      assert.equal(allowed(operation).length, COLUMNS.length, operation);
  });

  test('the bounding set can be emptied with SETPCAP only', () => {
    assert.deepEqual(allowed('empty the bounding set'), [
      'privileged',
      'default capabilities',
      'BPF, PERFMON, SETPCAP',
    ]);
  });

  test('the page shows this table', () => {
    const page = readFileSync(PAGE, 'utf8');
    const [start, end] = [page.indexOf(BEGIN), page.indexOf(END)];
    assert.ok(start >= 0 && end > start, 'the page has a place for the table');
    const made = `${page.slice(0, start)}${BEGIN}\n${tableText(table)}\n${page.slice(end)}`;
    if (process.env.UPDATE_PRIVILEGE_TABLE === '1') writeFileSync(PAGE, made);
    else if (page.includes(`Tried on Linux ${kernelVersion()}.`))
      assert.equal(page, made, 'run make privilege-table and look at the difference');
  });
});
