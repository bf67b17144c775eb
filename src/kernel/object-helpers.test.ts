import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALLOWED_HELPERS, helpersCalled, type ObjectName, readObjectFile } from './index.ts';

const OBJECTS: ObjectName[] = ['lifecycle', 'lifecycle-raw', 'snapshot'];

for (const name of OBJECTS) {
  test(`object ${name} calls only helpers of the allow-list`, () => {
    const called = helpersCalled(readObjectFile(name));
    assert.ok(called.length >= 5, 'the scan found calls');
    assert.deepEqual(
      called.filter((id) => !ALLOWED_HELPERS.has(id)),
      [],
    );
  });
}

test('every helper of the allow-list is needed by some object', () => {
  const called = new Set(OBJECTS.flatMap((name) => helpersCalled(readObjectFile(name))));
  assert.deepEqual(
    [...ALLOWED_HELPERS.keys()].filter((id) => !called.has(id)),
    [],
  );
});
