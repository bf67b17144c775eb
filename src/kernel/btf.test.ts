import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readObjectFile, readObjectTypes } from './index.ts';

test('the types of an object give struct layouts with nested structs flattened', () => {
  const fork = readObjectTypes(readObjectFile('lifecycle')).struct('fork_record');
  assert.equal(fork?.sizeBytes, 144);
  assert.deepEqual(fork?.fields.at(0), { name: 'header.kind', offsetBytes: 0, sizeBytes: 4 });
  assert.deepEqual(
    fork?.fields.find((field) => field.name === 'process.comm'),
    { name: 'process.comm', offsetBytes: 112, sizeBytes: 16 },
  );
});

test('the types of an object give enums and the variables that the loader sets', () => {
  const types = readObjectTypes(readObjectFile('lifecycle'));
  assert.equal(types.enum('record_kind')?.get('RECORD_EXIT'), 3);
  const sizes = { argv_bytes: 4, may_read_kernel: 1, exit_tells_group_dead: 1 };
  const variables = Object.keys(sizes).map((name) => types.variable('.rodata', name)!);
  assert.deepEqual(
    variables.map(({ sizeBytes }) => sizeBytes),
    Object.values(sizes),
  );
  assert.equal(
    new Set(variables.map(({ offsetBytes }) => offsetBytes)).size,
    3,
    'each has a place of its own',
  );
  assert.equal(types.variable('.rodata', 'no_such_variable'), undefined);
  assert.equal(types.struct('no_such_struct'), undefined);
});

test('a file that is no object is refused', () => {
  assert.throws(() => readObjectTypes(Buffer.from('not an object')), /not an ELF file/);
});
