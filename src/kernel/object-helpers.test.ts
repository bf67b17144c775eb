import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ALLOWED_HELPERS,
  ALLOWED_KERNEL_FUNCTIONS,
  helpersCalled,
  kernelFunctionsCalled,
  OBJECT_FILES as OBJECTS,
  readObjectFile,
} from './index.ts';

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

test('kernel functions are called only where tracepoints can be preempted, and only the two that are allowed', () => {
  for (const name of OBJECTS) {
    const expected = name.endsWith('-preemptible') ? ALLOWED_KERNEL_FUNCTIONS : [];
    assert.deepEqual(kernelFunctionsCalled(readObjectFile(name)), expected, name);
  }
});

test('every helper of the allow-list is needed by some object', () => {
  const called = new Set(OBJECTS.flatMap((name) => helpersCalled(readObjectFile(name))));
  assert.deepEqual(
    [...ALLOWED_HELPERS.keys()].filter((id) => !called.has(id)),
    [],
  );
});
