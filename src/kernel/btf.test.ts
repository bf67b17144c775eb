import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readObjectFile, readObjectTypes } from './index.ts';

test('the types of an object give struct layouts with nested structs flattened', () => {
  const fork = readObjectTypes(readObjectFile('lifecycle')).struct('fork_record');
  assert.equal(fork?.sizeBytes, 136);
  assert.deepEqual(fork?.fields.at(0), { name: 'header.kind', offsetBytes: 0, sizeBytes: 4 });
  assert.deepEqual(
    fork?.fields.find((field) => field.name === 'process.comm'),
    { name: 'process.comm', offsetBytes: 104, sizeBytes: 16 },
  );
});

test('the types of an object give enums and the variables that the loader sets', () => {
  const types = readObjectTypes(readObjectFile('lifecycle'));
  assert.equal(types.enum('record_kind')?.get('RECORD_EXIT'), 3);
  assert.equal(types.variable('.rodata', 'argv_bytes')?.sizeBytes, 4);
  assert.equal(types.variable('.rodata', 'no_such_variable'), undefined);
  assert.equal(types.struct('no_such_struct'), undefined);
});

test('a file that is no object is refused', () => {
  assert.throws(() => readObjectTypes(Buffer.from('not an object')), /not an ELF file/);
});
