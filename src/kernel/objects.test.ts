import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OBJECTS, readObjectFile, readObjectTypes } from './index.ts';

test('each object has the variables that the loader sets for it', () => {
  const variables = {
    lifecycle: ['argv_bytes', 'may_read_kernel', 'exit_tells_group_dead'],
    snapshot: ['may_read_kernel'],
  };
  for (const [name, expected] of Object.entries(variables))
    for (const { suffix } of OBJECTS.find((spec) => spec.name === name)!.builds) {
      const types = readObjectTypes(readObjectFile(`${name}${suffix}`));
      for (const variable of expected)
        assert.ok(types.variable('.rodata', variable), `${name}${suffix}: ${variable}`);
    }
});

test('only what nobody can watch without is required, and nothing is shared with a later object', () => {
  const required = OBJECTS.filter(({ without }) => without === null);
  assert.deepEqual(
    required.map(({ name }) => name),
    ['lifecycle'],
  );
  assert.deepEqual(OBJECTS[0]!.shares, []);
});
